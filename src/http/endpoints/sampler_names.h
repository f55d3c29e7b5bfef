// The legacy gallery's scheduler names (each is a sampler with a schedule) as names of the engine;
// one that the engine does not have becomes the model's default with a warning. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scheduler/scheduler.h"

namespace atelier::http {

struct LegacyScheduler {
  std::string_view id;
  std::vector<std::string_view> aliases;
  std::string_view sampler, schedule;  // ids of the engine; "" is the model's
  std::string_view title, description;
  bool recommended = false;
  int steps_min = 0, steps_max = 0;
  std::string_view other_meaning;  // the legacy server's meaning of the name, when it differs
};

const std::vector<LegacyScheduler>& legacy_schedulers();

struct SamplerChoice {
  std::string sampler, schedule;
  std::vector<std::string> warnings;  // sentences
  bool known = true;                  // false: an unknown name
};

// `status` carries the engine's names; empty lists (no worker yet) let every name pass.
SamplerChoice choose_sampler(std::string_view name, const scheduler::StationStatus& status);

}  // namespace atelier::http
