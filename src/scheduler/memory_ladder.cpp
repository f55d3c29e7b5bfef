#include "scheduler/memory_ladder.h"

#include <algorithm>
#include <vector>

namespace atelier::scheduler {
namespace {

// The savings that change this input.
std::vector<const std::pair<std::string, boost::json::value>*> savings_of(
    const card::TaskInput& input) {
  std::vector<const std::pair<std::string, boost::json::value>*> savings;
  if (input.task() == nullptr) return savings;
  for (const auto& saving : input.task()->savings) {
    const auto* now = input.members().if_contains(saving.first);
    if (now == nullptr || *now != saving.second) savings.push_back(&saving);
  }
  return savings;
}

}  // namespace

std::string_view reason_name(MemoryStep::Kind kind) {
  using Kind = MemoryStep::Kind;
  switch (kind) {
    case Kind::kEvictIdle:
      return "evict_idle";
    case Kind::kSaving:
      return "saving";
    case Kind::kRestartWorker:
      return "restart_worker";
    case Kind::kNone:
      return "none";
  }
  return "";
}

card::TaskInput with_savings(const card::TaskInput& input, int taken) {
  auto smaller = input;
  const auto savings = savings_of(input);
  const auto count = std::clamp<std::ptrdiff_t>(taken - 1, 0, std::ssize(savings));
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    const auto& [member, value] = *savings[static_cast<std::size_t>(i)];
    smaller = smaller.with(member, value);
  }
  return smaller;
}

MemoryStep next_memory_step(const card::TaskInput& input, int taken) {
  using Kind = MemoryStep::Kind;
  if (taken == 0) {
    return {.kind = Kind::kEvictIdle,
            .sentence =
                "out of memory: models that are not in use are unloaded, and the job is "
                "tried again",
            .input = input};
  }
  const auto savings = savings_of(input);
  const auto index = static_cast<std::size_t>(taken - 1);
  if (index < savings.size()) {
    return {.kind = Kind::kSaving,
            .sentence = "out of memory again: the job is tried with " + savings[index]->first +
                        " = " + boost::json::serialize(savings[index]->second) +
                        ", which needs less",
            .input = with_savings(input, taken + 1)};
  }
  if (index == savings.size()) {
    return {.kind = Kind::kRestartWorker,
            .sentence =
                "out of memory again: the worker is restarted, which frees all that it "
                "holds, and the job is tried once more",
            .input = with_savings(input, taken)};
  }
  return {};
}

}  // namespace atelier::scheduler
