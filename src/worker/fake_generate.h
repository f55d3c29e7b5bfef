// The task `generate` of the fake engine: coloured noise that depends on seed and prompt, over the
// picture and within the mask that it is given. Job thread; throws what FakeRun throws, and
// kInvalidArgument or kUnsupported for names of samplers.
#pragma once

#include <vector>

#include "card/model_card.h"
#include "card/progress.h"
#include "worker/fake_run.h"

namespace atelier::worker {

engine::RunResult fake_generate(FakeRun& run);

// A part of the real engine's tables, with the same ids and titles.
const std::vector<card::NamedChoice>& fake_samplers();
const std::vector<card::NamedChoice>& fake_schedules();

// How the fake model narrows the task's rows.
card::ServedTask served_fake_generate(const card::ModelCard& model);

}  // namespace atelier::worker
