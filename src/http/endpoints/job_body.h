// The body of POST /api/v1/jobs, for any task: {"task", "priority", "input"}, where the input holds
// the members of the task's input, `seed_text` where it has a seed, and each attachment under its
// role as base64 or a data URL. Any thread; throws kInvalidArgument with the JSON pointer of the
// field.
#pragma once

#include "http/message.h"
#include "http/schema.h"
#include "scheduler/scheduler.h"

namespace atelier::http {

// With a warning for each unknown key.
scheduler::NewJob read_new_job(const Request& request);

Schema new_job_schema();

}  // namespace atelier::http
