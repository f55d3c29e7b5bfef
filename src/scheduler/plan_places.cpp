#include "scheduler/plan_places.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "scheduler/plan_memory.h"

namespace atelier::scheduler {
namespace {

constexpr int kYieldingMax = 1;  // the highest priority that yields

// When something on the device ends, from now.
double next_release_ms(const PlanState& state, const PlanDevice& device) {
  double next = std::numeric_limits<double>::infinity();
  for (const auto worker : device.workers) {
    next = std::min(next, state.workers[worker].earliest_end_ms);
  }
  return next;
}

double speed_of(const PlanWorker& worker) {
  return worker.view->speed > 0 ? worker.view->speed : 1;
}

bool is_leaving(const PlanState& state, int model, std::size_t worker) {
  return model != kNone &&
         std::ranges::any_of(state.workers[worker].holdings, [model](const Holding& each) {
           return each.model == model && each.state == Holding::State::kLeaving;
         });
}

// The job on a worker with a free place.
void choose_start(const PlanState& state, const PlanJob& job, const Holding* held, Choice& choice,
                  double& load_ms) {
  const auto& device = state.devices[state.workers[choice.worker].device];
  if (held != nullptr && held->state == Holding::State::kLoading) {
    choice.kind = Choice::Kind::kLoading;
    choice.start_ms = state.models[static_cast<std::size_t>(job.model)].load_ms;
    return;
  }
  if (held == nullptr && is_leaving(state, job.model, choice.worker)) {
    choice.kind = Choice::Kind::kLeaving;
    choice.start_ms = std::numeric_limits<double>::infinity();
    return;
  }
  const auto needed = bytes_needed(state, job, choice.worker);
  const auto available = bytes_available(state, job, choice.worker);
  const auto other = other_family(state, job, choice.worker);
  // A device over its budget still runs what needs none.
  const bool fits = needed <= available || (needed == 0 && available > kKeptOut);
  if (fits && !other.resident) {
    choice.kind = Choice::Kind::kStart;
    return;
  }
  const auto coming = available + std::max<std::int64_t>(device.leaving, 0);
  const bool without_more = needed <= coming;
  if (!other.in_use &&
      (without_more || needed <= coming + bytes_evictable(state, job, choice.worker))) {
    choice.kind = Choice::Kind::kEvict;
    if (!without_more) load_ms *= 2;  // what is evicted is probably loaded again
    return;
  }
  choice.kind = Choice::Kind::kBlocked;
  choice.start_ms = next_release_ms(state, device);
}

// Its order among the choices; smaller is better.
auto rank(const PlanState& state, const PlanJob& job, const Choice& choice) {
  const auto& worker = state.workers[choice.worker];
  const bool spares_main = job.view->worker_class == WorkerClass::kAny &&
                           worker.view->worker_class == WorkerClass::kLight;
  return std::tuple(choice.end_ms, static_cast<int>(choice.kind), choice.has_model ? 0 : 1,
                    spares_main ? 0 : 1, -speed_of(worker), choice.worker);
}

bool may_yield(const PlanState& state, const RunningJob& run) {
  if (!run.may_yield || run.yielding || run.priority > kYieldingMax || run.priority < 0) {
    return false;
  }
  const bool was_raised =
      run.waited_ms >= state.settings.age_ms[static_cast<std::size_t>(run.priority)];
  return !was_raised || state.now_ms - run.started_ms >= state.settings.aged_run_ms;
}

struct Candidate {
  Yielding yielding;
  std::size_t target = 0;  // where the job would run
  std::tuple<int, double, int, std::int64_t> rank;
};

double end_after_yield_ms(const PlanState& state, const PlanJob& job, std::size_t worker) {
  double ms = static_cast<double>(state.settings.yield_ms) +
              static_cast<double>(job.view->expected_ms) / speed_of(state.workers[worker]);
  if (job.model != kNone && state.holding(worker, job.model) == nullptr) {
    ms += state.models[static_cast<std::size_t>(job.model)].load_ms;
  }
  return ms;
}

// A place on any worker that may run it; memory on the device of the chosen one.
std::vector<Candidate> candidates_for(const PlanState& state, const PlanJob& job,
                                      const Choice& choice) {
  const bool for_memory = choice.kind == Choice::Kind::kBlocked;
  std::vector<Candidate> found;
  for (std::size_t index = 0; index < state.workers.size(); ++index) {
    const auto& worker = state.workers[index];
    if (for_memory ? worker.device != state.workers[choice.worker].device
                   : !worker.view->ready || !state.may_run(job, worker)) {
      continue;
    }
    const auto target = for_memory ? choice.worker : index;
    const auto end_ms = end_after_yield_ms(state, job, target);
    // It would not take the place.
    if (!for_memory && end_ms >= choice.end_ms) continue;
    for (std::size_t i = 0; i < worker.view->running.size(); ++i) {
      const auto& run = worker.view->running[i];
      const bool asked_before = run.yielding;
      if (asked_before ? worker.yields_unclaimed <= 0
                       : worker.asked[i] != 0 || !may_yield(state, run)) {
        continue;
      }
      found.push_back({{index, i, asked_before},
                       target,
                       {asked_before ? 0 : 1, end_ms, run.priority, -run.started_ms}});
    }
  }
  std::ranges::stable_sort(found, {}, &Candidate::rank);
  return found;
}

// Whether the job fits on `target` once these, and those asked before, have ended on its device.
bool fits_after(const PlanState& state, const PlanJob& job, std::size_t target,
                const std::vector<Yielding>& ending) {
  const auto& device = state.devices[state.workers[target].device];
  std::int64_t room = bytes_available(state, job, target) +
                      std::max<std::int64_t>(device.leaving, 0) +
                      bytes_evictable(state, job, target);
  for (const auto index : device.workers) {
    const auto& worker = state.workers[index];
    const auto ends = [&](std::size_t run) {
      return worker.asked[run] != 0 || std::ranges::any_of(ending, [&](const Yielding& each) {
               return each.worker == index && each.running == run;
             });
    };
    std::vector<int> still_used(state.models.size(), 0);
    for (std::size_t run = 0; run < worker.view->running.size(); ++run) {
      const auto& view = worker.view->running[run];
      if (ends(run)) {
        room += view.peak_bytes;
      } else if (!view.model.empty()) {
        for (const auto& each : worker.holdings) {
          const auto model = static_cast<std::size_t>(each.model);
          if (state.models[model].id == view.model) still_used[model] = 1;
        }
      }
    }
    if (job.mode == MemoryMode::kHigh) continue;
    for (const auto& each : worker.holdings) {
      const bool its_own = index == target && each.model == job.model;
      if (each.state == Holding::State::kBusy && !each.pinned && !each.kept && !its_own &&
          still_used[static_cast<std::size_t>(each.model)] == 0) {
        room += each.bytes;
      }
    }
  }
  return bytes_needed(state, job, target) <= room;
}

// The job on a worker that may run it.
Choice consider(const PlanState& state, const PlanJob& job, std::size_t index) {
  const auto& worker = state.workers[index];
  const auto& device = state.devices[worker.device];
  const auto* held = job.model == kNone ? nullptr : state.holding(index, job.model);
  double load_ms = 0;
  if (job.model != kNone && held == nullptr) {
    load_ms = state.models[static_cast<std::size_t>(job.model)].load_ms;
  }
  Choice choice{.worker = index, .has_model = job.model == kNone || held != nullptr};
  const auto needed = bytes_needed(state, job, index);
  const auto own = held != nullptr ? held->bytes : 0;
  const auto fixed = device.fixed - (held != nullptr && held->pinned ? own : 0);
  if (needed > 0 && needed + own > device.budget - fixed) {
    choice.kind = Choice::Kind::kFixed;
    choice.start_ms = std::numeric_limits<double>::infinity();
  } else if (worker.free > 0) {
    choose_start(state, job, held, choice, load_ms);
  } else {
    choice.kind = Choice::Kind::kPlace;
    choice.start_ms = worker.next_free_ms;
  }
  choice.end_ms =
      choice.start_ms + load_ms + static_cast<double>(job.view->expected_ms) / speed_of(worker);
  return choice;
}

}  // namespace

Choice choose(const PlanState& state, const PlanJob& job, const std::vector<char>& among) {
  Choice best;
  std::optional<decltype(rank(state, job, best))> best_rank;
  bool could_start = false;
  for (std::size_t index = 0; index < state.workers.size(); ++index) {
    const auto& worker = state.workers[index];
    if (!worker.view->ready || (!among.empty() && among[index] == 0)) continue;
    if (!state.may_run(job, worker)) continue;
    const auto choice = consider(state, job, index);
    could_start |= choice.kind == Choice::Kind::kStart;
    const auto its_rank = rank(state, job, choice);
    if (best_rank && *best_rank <= its_rank) continue;
    best = choice;
    best_rank = its_rank;
  }
  best.could_start = could_start && best.kind != Choice::Kind::kStart;
  return best;
}

std::vector<Yielding> choose_yielding(const PlanState& state, const PlanJob& job,
                                      const Choice& choice) {
  const auto candidates = candidates_for(state, job, choice);
  for (const auto& first : candidates) {
    std::vector<Yielding> chosen{first.yielding};
    if (fits_after(state, job, first.target, chosen)) return chosen;
    for (const auto& each : candidates) {
      if (&each == &first || each.yielding.asked_before ||
          state.workers[each.yielding.worker].device !=
              state.workers[first.yielding.worker].device) {
        continue;
      }
      chosen.push_back(each.yielding);
      if (fits_after(state, job, first.target, chosen)) return chosen;
    }
  }
  return {};
}

}  // namespace atelier::scheduler
