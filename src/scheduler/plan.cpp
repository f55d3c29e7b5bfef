#include "scheduler/plan.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "scheduler/plan_memory.h"
#include "scheduler/plan_order.h"
#include "scheduler/plan_places.h"
#include "scheduler/plan_state.h"

namespace atelier::scheduler {
namespace {

constexpr int kUrgent = 2;  // the lowest priority that others yield to

std::optional<std::int64_t> known(double ms) {
  if (!std::isfinite(ms)) return std::nullopt;
  return static_cast<std::int64_t>(ms);
}

class Planner {
 public:
  explicit Planner(PlanState& state) : state_(state), order_(order_jobs(state)) {}

  Plan make() {
    for (const auto& tier : order_.tiers) {
      for (const int index : tier) refuse_if_impossible(job(index));
    }
    start_aged();
    for (auto tier = order_.tiers.rbegin(); tier != order_.tiers.rend(); ++tier) {
      for (std::size_t at = 0; at < tier->size(); ++at) place(*tier, at);
    }
    fill_batches();
    unload_unused();
    collect();
    return std::move(plan_);
  }

 private:
  PlanJob& job(int index) { return state_.jobs[static_cast<std::size_t>(index)]; }
  int index_of(const PlanJob& job) const { return static_cast<int>(&job - state_.jobs.data()); }
  PlanDevice& device_of(std::size_t worker) {
    return state_.devices[state_.workers[worker].device];
  }
  const std::string& name_of(std::size_t worker) const { return state_.workers[worker].view->name; }
  std::string model_id(int model) const {
    return std::string(state_.models[static_cast<std::size_t>(model)].id);
  }

  void refuse_if_impossible(PlanJob& job);
  void start_aged();
  void start_aged_of(std::size_t tier);
  void place(const std::vector<int>& tier, std::size_t at);
  bool place_chosen(PlanJob& job, const Choice& choice, Assignment::Reason reason);
  bool let_pass(const std::vector<int>& tier, std::size_t at, std::size_t worker);
  void start(PlanJob& job, std::size_t worker, Assignment::Reason reason);
  void hold_place(PlanJob& job, std::size_t worker);
  void make_room(PlanJob& job, std::size_t worker, const std::vector<Victim>& victims);
  void wait_for_place(PlanJob& job, const Choice& choice);
  void wait_for_memory(PlanJob& job, const Choice& choice, bool aged_turn);
  void wait_for_worker(PlanJob& job);
  void ask_to_yield(PlanJob& job, const Choice& choice);
  void evict(std::size_t worker, Holding& holding, Eviction::Reason reason,
             const std::string& for_job);
  void fill_batches();
  void unload_unused();
  void collect();

  PlanState& state_;
  PlanOrder order_;
  Plan plan_;
};

void Planner::refuse_if_impossible(PlanJob& job) {
  const auto model_bytes =
      job.model == kNone ? 0 : state_.models[static_cast<std::size_t>(job.model)].bytes;
  const auto whole = model_bytes + job.view->peak_bytes;
  Refusal refusal{.job = job.view->id, .reason = Refusal::Reason::kTask, .bytes_needed = whole};
  for (std::size_t index = 0; index < state_.workers.size(); ++index) {
    const auto& worker = state_.workers[index];
    if (!state_.may_run(job, worker)) continue;
    auto room = device_of(index).budget;
    auto reason = Refusal::Reason::kBudget;
    // The other models stay.
    if (job.mode == MemoryMode::kHigh && whole <= room && worker.view->ready) {
      reason = Refusal::Reason::kMode;
      for (const auto holder : device_of(index).workers) {
        room -= state_.workers[holder].view->ghost_bytes;
        for (const auto& each : state_.workers[holder].holdings) {
          const bool own = holder == index && each.model == job.model;
          const bool leaves = each.view != nullptr && each.view->unload_after_use;
          if (!own && !each.goes() && !leaves) room -= each.bytes;
        }
      }
    }
    if (whole <= room) return;
    if (refusal.reason == Refusal::Reason::kTask || room > refusal.bytes_free) {
      refusal.reason = reason;
      refusal.worker = name_of(index);
      refusal.bytes_free = std::max<std::int64_t>(room, 0);
      refusal.models = models_in(state_, index, Holding::State::kIdle, Holding::State::kBusy);
    }
  }
  if (state_.workers.empty()) return;
  job.open = false;
  plan_.refusals.push_back(std::move(refusal));
}

// Raised jobs are considered first where it is their priority's turn.
void Planner::start_aged() {
  std::size_t highest = 0;
  for (std::size_t tier = 0; tier < kPriorities; ++tier) {
    for (const int index : order_.tiers[tier]) {
      if (job(index).open) highest = tier;
    }
  }
  for (std::size_t tier = 0; tier < std::min(highest, state_.settings.age_ms.size()); ++tier) {
    start_aged_of(tier);
  }
}

void Planner::start_aged_of(std::size_t tier) {
  std::vector<char> turn(state_.workers.size(), 0);
  const auto set_turns = [&] {
    for (std::size_t index = 0; index < turn.size(); ++index) {
      const auto& worker = state_.workers[index];
      turn[index] = worker.free > 0 && worker.starts_since[tier] >= state_.settings.aged_share - 1;
    }
    return std::ranges::count(turn, 1) > 0;
  };
  for (const int index : order_.tiers[tier]) {
    if (!job(index).aged || !job(index).open) continue;
    if (!set_turns()) return;
    const auto choice = choose(state_, job(index), turn);
    if (choice.kind == Choice::Kind::kBlocked) {
      wait_for_memory(job(index), choice, true);
      job(index).wait = {};  // it may still start on another worker
    } else if (!place_chosen(job(index), choice, Assignment::Reason::kAged)) {
      continue;
    }
    state_.workers[choice.worker].starts_since[tier] = 0;
  }
}

void Planner::place(const std::vector<int>& tier, std::size_t at) {
  auto& next = job(tier[at]);
  // It may have been given a place as a raised job.
  while (next.open && next.wait.job.empty()) {
    const auto choice = choose(state_, next);
    if (choice.kind == Choice::Kind::kEvict && let_pass(tier, at, choice.worker)) continue;
    if (place_chosen(next, choice, Assignment::Reason::kOrder)) continue;
    if (choice.kind == Choice::Kind::kNone) {
      wait_for_worker(next);
    } else if (choice.kind == Choice::Kind::kLeaving) {
      next.wait = {.job = next.view->id,
                   .reason = Wait::Reason::kEviction,
                   .worker = name_of(choice.worker),
                   .models = {model_id(next.model)},
                   .bytes_needed = bytes_needed(state_, next, choice.worker)};
    } else if (choice.kind == Choice::Kind::kPlace) {
      wait_for_place(next, choice);
    } else {
      wait_for_memory(next, choice, false);
    }
  }
}

// False where it has neither a place nor the memory.
bool Planner::place_chosen(PlanJob& job, const Choice& choice, Assignment::Reason reason) {
  switch (choice.kind) {
    case Choice::Kind::kStart:
      start(job, choice.worker, reason);
      return true;
    case Choice::Kind::kEvict:
      make_room(job, choice.worker, choose_victims(state_, job, choice.worker));
      return true;
    case Choice::Kind::kLoading:
      hold_place(job, choice.worker);
      job.wait = {.job = job.view->id,
                  .reason = Wait::Reason::kLoading,
                  .worker = name_of(choice.worker),
                  .models = {model_id(job.model)},
                  .expected_ms = known(choice.start_ms)};
      return true;
    default:
      return false;
  }
}

// Starts the next job of the tier whose model is resident on the worker, where those before it may
// be passed.
bool Planner::let_pass(const std::vector<int>& tier, std::size_t at, std::size_t worker) {
  if (choose_victims(state_, job(tier[at]), worker).empty()) return false;  // under way for it
  for (std::size_t later = at; later < tier.size(); ++later) {
    auto& candidate = job(tier[later]);
    if (!candidate.open || (later > at && !candidate.wait.job.empty())) continue;
    if (later > at && candidate.model != kNone) {
      const auto* held = state_.holding(worker, candidate.model);
      if (held != nullptr && held->usable()) {
        const auto choice = choose(state_, candidate);
        if (choice.kind == Choice::Kind::kStart && choice.worker == worker) {
          start(candidate, worker, Assignment::Reason::kAffinity);
          for (std::size_t i = at; i < later; ++i) {
            auto& passed = job(tier[i]);
            if (passed.open && passed.wait.job.empty()) ++passed.passes;
          }
          job(tier[at]).wait.job_ahead = candidate.view->id;
          return true;
        }
      }
    }
    if (!state_.may_be_passed(candidate)) return false;
  }
  return false;
}

void Planner::hold_place(PlanJob& job, std::size_t worker) {
  auto& its_worker = state_.workers[worker];
  auto& device = device_of(worker);
  if (device.reservation && device.reservation->job != index_of(job)) {
    auto& other = this->job(device.reservation->job);
    if (other.tier == job.tier && device.reservation->may_be_passed &&
        state_.may_be_passed(other)) {
      ++other.passes;
    }
  }
  take(device, bytes_needed(state_, job, worker));
  --its_worker.free;
  const auto* held = job.model == kNone ? nullptr : state_.holding(worker, job.model);
  double length_ms = static_cast<double>(job.view->expected_ms) /
                     (its_worker.view->speed > 0 ? its_worker.view->speed : 1);
  if (job.model != kNone && held == nullptr) {
    length_ms += state_.models[static_cast<std::size_t>(job.model)].load_ms;
  }
  if (job.view->expected_ms > 0) {
    its_worker.earliest_end_ms = std::min(its_worker.earliest_end_ms, length_ms);
  }
  if (its_worker.free <= 0) its_worker.next_free_ms = its_worker.earliest_end_ms;
}

void Planner::start(PlanJob& job, std::size_t worker, Assignment::Reason reason) {
  hold_place(job, worker);
  auto& its_worker = state_.workers[worker];
  job.open = false;
  job.wait = {};
  auto& since = its_worker.starts_since;
  for (std::size_t tier = 0; tier < since.size(); ++tier) {
    since[tier] = tier == job.tier ? 0 : since[tier] + 1;
  }
  plan_.assignments.push_back({.job = job.view->id,
                               .worker = name_of(worker),
                               .reason = reason,
                               .batch = job.view->batch_key.empty() ? "" : job.view->id});
  if (job.model == kNone) return;
  if (auto* held = state_.holding(worker, job.model)) {
    if (held->state == Holding::State::kIdle) held->state = Holding::State::kBusy;
    return;
  }
  const auto bytes = state_.models[static_cast<std::size_t>(job.model)].bytes;
  its_worker.holdings.push_back(
      {.model = job.model, .bytes = bytes, .state = Holding::State::kLoading});
  plan_.loads.push_back({.model = model_id(job.model),
                         .worker = name_of(worker),
                         .job = job.view->id,
                         .bytes = bytes});
}

// The place and the memory are its own from now on; it starts in the plan after the evictions.
void Planner::make_room(PlanJob& job, std::size_t worker, const std::vector<Victim>& victims) {
  const auto needed = bytes_needed(state_, job, worker);
  const auto free = std::max<std::int64_t>(bytes_available(state_, job, worker), 0);
  for (const auto& victim : victims) {
    evict(victim.worker, state_.workers[victim.worker].holdings[victim.holding],
          victim.other_family ? Eviction::Reason::kFamily : Eviction::Reason::kRoom, job.view->id);
  }
  hold_place(job, worker);
  auto& device = device_of(worker);
  if (job.mode == MemoryMode::kLow && !device.reservation) {  // no other family meanwhile
    device.reservation =
        Reservation{.job = index_of(job), .family_of = job.model, .may_be_passed = false};
  }
  if (job.model != kNone) {
    if (auto* held = state_.holding(worker, job.model)) {
      held->kept = true;
    } else {
      state_.workers[worker].holdings.push_back(
          {.model = job.model, .state = Holding::State::kLoading});
    }
  }
  job.wait = {
      .job = job.view->id,
      .reason = Wait::Reason::kEviction,
      .worker = name_of(worker),
      .models = models_in(state_, worker, Holding::State::kLeaving, Holding::State::kLeaving),
      .bytes_needed = needed,
      .bytes_free = free};
}

void Planner::evict(std::size_t worker, Holding& holding, Eviction::Reason reason,
                    const std::string& for_job) {
  holding.state = Holding::State::kLeaving;
  device_of(worker).leaving += holding.bytes;
  plan_.evictions.push_back(
      {.model = model_id(holding.model),
       .worker = name_of(worker),
       .reason = reason,
       .job = for_job,
       .bytes = holding.bytes,
       .idle_ms = std::max<std::int64_t>(state_.now_ms - holding.last_used_ms, 0)});
}

void Planner::wait_for_worker(PlanJob& job) {
  job.wait = {.job = job.view->id, .reason = Wait::Reason::kNoWorker};
  for (std::size_t index = 0; index < state_.workers.size(); ++index) {
    if (!state_.may_run(job, state_.workers[index])) continue;
    job.wait.reason = Wait::Reason::kStarting;
    job.wait.worker = name_of(index);
    return;
  }
}

void Planner::wait_for_place(PlanJob& job, const Choice& choice) {
  auto& worker = state_.workers[choice.worker];
  const auto passed_by = std::move(job.wait.job_ahead);
  job.wait = {
      .job = job.view->id, .worker = name_of(choice.worker), .expected_ms = known(choice.start_ms)};
  if (choice.could_start) {
    job.wait.reason = Wait::Reason::kBetterPlace;
  } else if (job.passes > 0 && !passed_by.empty()) {
    job.wait.reason = Wait::Reason::kAffinity;
    job.wait.job_ahead = passed_by;
  } else if (job.later_ahead != kNone) {
    const auto& ahead = *this->job(job.later_ahead).view;
    job.wait.reason = Wait::Reason::kClientTurn;
    job.wait.client = ahead.client;
    job.wait.job_ahead = ahead.id;
  }
  if (choice.has_model && job.model != kNone) {
    if (auto* held = state_.holding(choice.worker, job.model)) held->kept = true;
  }
  worker.next_free_ms += (choice.end_ms - choice.start_ms) / worker.places;
  ask_to_yield(job, choice);
}

// Memory that is free or becomes free on the device is kept for the first job that waits for it.
void Planner::wait_for_memory(PlanJob& job, const Choice& choice, bool aged_turn) {
  auto& device = device_of(choice.worker);
  const bool kept_out = bytes_available(state_, job, choice.worker) == kKeptOut;
  const bool family = kept_out || other_family(state_, job, choice.worker).in_use;
  job.wait = {
      .job = job.view->id,
      .reason = family ? Wait::Reason::kFamily : Wait::Reason::kMemory,
      .worker = name_of(choice.worker),
      .models = models_in(state_, choice.worker, Holding::State::kBusy, Holding::State::kLoading),
      .bytes_needed = bytes_needed(state_, job, choice.worker),
      .bytes_free = std::max<std::int64_t>(bytes_available(state_, job, choice.worker), 0),
      .expected_ms = known(choice.start_ms)};
  if (kept_out && device.reservation)
    job.wait.job_ahead = this->job(device.reservation->job).view->id;
  if (choice.kind == Choice::Kind::kFixed) {  // until a pin or a ghost goes
    for (const auto holder : device.workers) {
      for (const auto& each : state_.workers[holder].holdings) {
        if (each.pinned) job.wait.models.push_back(model_id(each.model));
      }
    }
    return;
  }
  const bool may_be_passed = !aged_turn && state_.may_be_passed(job);
  if (!device.reservation) {
    device.reservation = Reservation{.job = index_of(job),
                                     .bytes = job.wait.bytes_needed,
                                     .family_of = family ? job.model : kNone,
                                     .may_be_passed = may_be_passed};
    auto& worker = state_.workers[choice.worker];
    if (!may_be_passed && --worker.free <= 0) worker.next_free_ms = worker.earliest_end_ms;
  }
  if (!aged_turn) ask_to_yield(job, choice);
}

void Planner::ask_to_yield(PlanJob& job, const Choice& choice) {
  if (job.view->priority < kUrgent) return;
  const auto yielding = choose_yielding(state_, job, choice);
  for (const auto& each : yielding) {
    auto& worker = state_.workers[each.worker];
    const auto& run = worker.view->running[each.running];
    if (each.asked_before) {
      --worker.yields_unclaimed;
    } else {
      worker.asked[each.running] = 1;
      plan_.preemptions.push_back(
          {.job = run.id, .worker = worker.view->name, .waiting = job.view->id});
    }
  }
  if (yielding.empty()) return;
  const auto& first = state_.workers[yielding.front().worker];
  job.wait.reason = Wait::Reason::kYield;
  job.wait.worker = first.view->name;
  job.wait.job_ahead = first.view->running[yielding.front().running].id;
}

// Jobs that run in the same call as one that was started: they need no place.
void Planner::fill_batches() {
  std::unordered_map<std::string_view, std::vector<int>> waiting;
  for (auto tier = order_.tiers.rbegin(); tier != order_.tiers.rend(); ++tier) {
    for (const int index : *tier) {
      const auto& each = job(index);
      // For these others have been evicted or asked to yield.
      const bool has_turn =
          each.wait.reason == Wait::Reason::kEviction || each.wait.reason == Wait::Reason::kYield;
      if (each.open && !has_turn && !each.view->batch_key.empty()) {
        waiting[each.view->batch_key].push_back(index);
      }
    }
  }
  if (waiting.empty()) return;
  std::unordered_map<std::string_view, int> started;  // by id
  for (const auto& each : state_.jobs) {
    if (!each.open && !each.view->batch_key.empty()) {
      started.emplace(each.view->id, index_of(each));
    }
  }
  const auto count = plan_.assignments.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (plan_.assignments[i].batch.empty()) continue;
    const auto& first = job(started.at(plan_.assignments[i].job));
    const auto worker = static_cast<std::size_t>(
        std::ranges::find(state_.workers, plan_.assignments[i].worker,
                          [](const PlanWorker& each) { return each.view->name; }) -
        state_.workers.begin());
    const auto& widths = state_.workers[worker].view->batch_width;
    const auto width = widths.find(first.view->batch_key);
    int room = width == widths.end() ? 0 : width->second - 1;
    for (const int index : waiting[first.view->batch_key]) {
      auto& each = job(index);
      if (room <= 0) break;
      if (!each.open || each.model != first.model || each.mode != first.mode ||
          !state_.may_run(each, state_.workers[worker]) ||
          each.view->peak_bytes > bytes_available(state_, each, worker)) {
        continue;
      }
      take(device_of(worker), each.view->peak_bytes);
      each.open = false;
      --room;
      plan_.assignments.push_back({.job = each.view->id,
                                   .worker = name_of(worker),
                                   .reason = Assignment::Reason::kBatch,
                                   .batch = first.view->id});
    }
  }
}

void Planner::unload_unused() {
  for (std::size_t index = 0; index < state_.workers.size(); ++index) {
    for (auto& each : state_.workers[index].holdings) {
      if (each.view == nullptr || each.state != Holding::State::kIdle || each.pinned || each.kept) {
        continue;
      }
      if (each.view->expires_ms && *each.view->expires_ms <= state_.now_ms) {
        evict(index, each, Eviction::Reason::kExpired, "");
      } else if (each.view->unload_after_use || state_.settings.mode == MemoryMode::kLow) {
        evict(index, each, Eviction::Reason::kAfterUse, "");
      }
    }
  }
}

void Planner::collect() {
  const auto add = [this](PlanJob& each) {
    if (!each.open) return;
    each.wait.priority = each.view->priority;
    each.wait.since_ms = each.view->queued_since_ms;
    plan_.waits.push_back(std::move(each.wait));
    if (each.passes > 0) plan_.passes.push_back({each.view->id, each.passes});
  };
  for (auto tier = order_.tiers.rbegin(); tier != order_.tiers.rend(); ++tier) {
    for (const int index : *tier) add(job(index));
  }
  for (const int index : order_.paused) {
    job(index).wait = {.job = job(index).view->id, .reason = Wait::Reason::kPaused};
    add(job(index));
  }
}

}  // namespace

Plan plan_next(const Window& window, std::span<const WorkerView> workers, const MemoryView& memory,
               const PlanSettings& settings, std::int64_t now_ms) {
  std::vector<const WorkerView*> sorted;
  for (const auto& worker : workers) sorted.push_back(&worker);
  std::ranges::sort(sorted, {},
                    [](const WorkerView* each) -> const std::string& { return each->name; });
  PlanState state(window, sorted, memory, settings, now_ms);
  return Planner(state).make();
}

}  // namespace atelier::scheduler
