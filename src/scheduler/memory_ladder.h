// What is tried when a run was out of memory, one step after the other; each makes it need less
// than the one before. Pure.
#pragma once

#include <string>
#include <string_view>

#include "card/task.h"

namespace atelier::scheduler {

struct MemoryStep {
  enum class Kind {
    kEvictIdle,      // models that no run uses leave the device
    kSaving,         // the run itself is made smaller: the task's next saving
    kRestartWorker,  // memory that it holds without a use is lost with its process
    kNone,           // everything has been tried
  };
  Kind kind = Kind::kNone;
  std::string sentence = {};
  card::TaskInput input = {};  // with all savings so far
};

std::string_view reason_name(MemoryStep::Kind kind);  // for programs

// The step after `taken` others, for a run with this input.
MemoryStep next_memory_step(const card::TaskInput& input, int taken);

// The input with the savings of the steps that have been taken.
card::TaskInput with_savings(const card::TaskInput& input, int taken);

}  // namespace atelier::scheduler
