#include "scheduler/plan_memory.h"

#include <algorithm>
#include <tuple>

namespace atelier::scheduler {
namespace {

const PlanDevice& device_of(const PlanState& state, std::size_t worker) {
  return state.devices[state.workers[worker].device];
}

bool differs(const PlanState& state, int model, int other) {
  return model != kNone && other != kNone && state.family(model) != state.family(other);
}

// Whether it may be evicted for the job, which would run on `worker`.
bool may_go(const Holding& each, std::size_t holder, const PlanJob& job, std::size_t worker) {
  if (each.state != Holding::State::kIdle || each.pinned || each.kept) return false;
  return holder != worker || each.model != job.model;
}

struct Candidate {
  Victim victim;
  std::int64_t bytes = 0, idle_ms = 0;
  bool wanted = false;  // a job of the window needs it

  double weight() const { return static_cast<double>(idle_ms) * static_cast<double>(bytes); }
};

std::vector<Candidate> candidates_for(const PlanState& state, const PlanJob& job,
                                      std::size_t worker) {
  std::vector<Candidate> found;
  for (const auto holder : device_of(state, worker).workers) {
    const auto& holdings = state.workers[holder].holdings;
    for (std::size_t i = 0; i < holdings.size(); ++i) {
      const auto& each = holdings[i];
      if (!may_go(each, holder, job, worker)) continue;
      const bool other = job.mode == MemoryMode::kLow && differs(state, each.model, job.model);
      found.push_back({.victim = {holder, i, other},
                       .bytes = each.bytes,
                       .idle_ms = std::max<std::int64_t>(state.now_ms - each.last_used_ms, 1),
                       .wanted = state.models[static_cast<std::size_t>(each.model)].jobs > 0});
    }
  }
  return found;
}

}  // namespace

std::int64_t bytes_needed(const PlanState& state, const PlanJob& job, std::size_t worker) {
  if (job.model == kNone) return job.view->peak_bytes;
  const bool there = state.holding(worker, job.model) != nullptr;
  return job.view->peak_bytes +
         (there ? 0 : state.models[static_cast<std::size_t>(job.model)].bytes);
}

std::int64_t bytes_available(const PlanState& state, const PlanJob& job, std::size_t worker) {
  const auto& device = device_of(state, worker);
  if (!device.reservation) return device.available;
  const auto& kept = *device.reservation;
  const auto& other = state.jobs[static_cast<std::size_t>(kept.job)];
  if (&other == &job) return device.available;
  if (kept.may_be_passed && other.tier == job.tier && state.may_be_passed(other)) {
    return device.available;
  }
  if (differs(state, job.model, kept.family_of)) return kKeptOut;
  return device.available - kept.bytes;
}

std::int64_t bytes_evictable(const PlanState& state, const PlanJob& job, std::size_t worker) {
  if (job.mode == MemoryMode::kHigh) return 0;
  std::int64_t sum = 0;
  for (const auto holder : device_of(state, worker).workers) {
    for (const auto& each : state.workers[holder].holdings) {
      if (may_go(each, holder, job, worker)) sum += each.bytes;
    }
  }
  return sum;
}

OtherFamily other_family(const PlanState& state, const PlanJob& job, std::size_t worker) {
  OtherFamily found;
  if (job.mode != MemoryMode::kLow || job.model == kNone) return found;
  for (const auto holder : device_of(state, worker).workers) {
    for (const auto& each : state.workers[holder].holdings) {
      if (each.pinned || !differs(state, each.model, job.model)) continue;
      found.resident = true;
      const bool leaves =
          each.state == Holding::State::kLeaving || may_go(each, holder, job, worker);
      found.in_use |= !leaves;
    }
  }
  return found;
}

std::vector<Victim> choose_victims(const PlanState& state, const PlanJob& job, std::size_t worker) {
  auto candidates = candidates_for(state, job, worker);
  const auto& device = device_of(state, worker);
  auto missing =
      bytes_needed(state, job, worker) - bytes_available(state, job, worker) - device.leaving;
  std::vector<Victim> victims;
  std::erase_if(candidates, [&](const Candidate& each) {
    if (!each.victim.other_family) return false;
    missing -= each.bytes;
    victims.push_back(each.victim);
    return true;
  });
  if (missing <= 0) return victims;
  const Candidate* single = nullptr;
  for (const auto& each : candidates) {
    if (each.bytes < missing) continue;
    if (single == nullptr ||
        std::tuple(each.wanted, -each.idle_ms) < std::tuple(single->wanted, -single->idle_ms)) {
      single = &each;
    }
  }
  if (single != nullptr) {
    victims.push_back(single->victim);
    return victims;
  }
  std::ranges::stable_sort(candidates, [](const Candidate& a, const Candidate& b) {
    if (a.wanted != b.wanted) return b.wanted;
    return a.weight() > b.weight();
  });
  std::vector<Candidate> chosen;
  for (const auto& each : candidates) {
    if (missing <= 0) break;
    if (each.bytes <= 0) continue;
    missing -= each.bytes;
    chosen.push_back(each);
  }
  // A later, larger one may have made earlier ones needless.
  for (auto each = chosen.rbegin(); each != chosen.rend(); ++each) {
    if (missing + each->bytes <= 0) {
      missing += each->bytes;
    } else {
      victims.push_back(each->victim);
    }
  }
  return victims;
}

void take(PlanDevice& device, std::int64_t bytes) {
  const auto now = std::clamp<std::int64_t>(device.available, 0, bytes);
  device.available -= now;
  device.leaving -= bytes - now;
}

std::vector<std::string> models_in(const PlanState& state, std::size_t worker, Holding::State first,
                                   Holding::State second) {
  std::vector<std::string> found;
  for (const auto holder : device_of(state, worker).workers) {
    for (const auto& each : state.workers[holder].holdings) {
      if (each.state == first || each.state == second) {
        found.emplace_back(state.models[static_cast<std::size_t>(each.model)].id);
      }
    }
  }
  std::ranges::sort(found);
  const auto repeated = std::ranges::unique(found);
  found.erase(repeated.begin(), repeated.end());
  return found;
}

}  // namespace atelier::scheduler
