// Every task of the fake engine that has no function of its own: some steps, then one output of
// each kind that the task's description names. Job thread; throws what FakeRun throws.
#pragma once

#include "card/task.h"
#include "worker/fake_run.h"

namespace atelier::worker {

// "picture": the first attached picture with twice its sides; "labels": two labels whose scores
// depend on the picture's size; "text": a sentence, streamed word by word where the description has
// streams_text.
engine::RunResult fake_any_task(FakeRun& run);

}  // namespace atelier::worker
