#include "scheduler/stage_times.h"

#include <algorithm>
#include <cmath>

#include "domain/settings/limits.h"

namespace atelier::scheduler {
namespace {

constexpr auto kLoading = "load";

}  // namespace

int size_class(double pixels) { return std::ilogb(std::clamp(pixels, 1.0, 1e15)); }

void StageTimes::add(const StageKey& key, Milliseconds time) {
  auto& slowest = slowest_[key];
  slowest = std::max(slowest, time);
}

std::optional<StageTimes::Milliseconds> StageTimes::slowest(const StageKey& key) const {
  const auto found = slowest_.find(key);
  return found == slowest_.end() ? std::nullopt : std::optional(found->second);
}

StageTimes::Milliseconds StageTimes::allowed(const StageKey& key, const Patience& patience) const {
  const auto time = slowest(key);
  const auto least = time && key.stage != kLoading ? patience.measured_job : patience.job;
  return std::max(least, time.value_or(Milliseconds::zero()) * domain::limits::kSlowestTimes);
}

}  // namespace atelier::scheduler
