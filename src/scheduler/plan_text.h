// The decisions of a plan as sentences, for the API and the log. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "scheduler/plan.h"

namespace atelier::scheduler {

// "place", "memory", "paused" …: stable names for programs.
std::string_view reason_name(Wait::Reason reason);
std::string_view reason_name(Refusal::Reason reason);
std::string_view reason_name(Eviction::Reason reason);
std::string_view reason_name(Assignment::Reason reason);

// "low", "balanced", "high"; nullopt for another name.
std::optional<MemoryMode> memory_mode_named(std::string_view name);
std::string_view mode_name(MemoryMode mode);

std::string describe(const Wait& wait);
std::string describe(const Refusal& refusal);  // what failed, why, what to do
std::string describe(const Eviction& eviction);
std::string describe(const Assignment& assignment);
std::string describe(const Load& load);
std::string describe(const Preemption& preemption);

// The first job that waits and is not paused: what the next admission needs. Null: none waits.
const Wait* next_admission(const Plan& plan);

}  // namespace atelier::scheduler
