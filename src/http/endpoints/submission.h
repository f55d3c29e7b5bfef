// Shared by endpoints that accept jobs: continuations for "the models are known" and "the job has
// been accepted". No thread waits meanwhile. Any thread; failures are thrown in the continuation.
// The fields of errors about a job are spelled here as the request spelled them.
#pragma once

#include <functional>

#include "http/route.h"

namespace atelier::http {

// Calls `run`. An error that it throws has its field spelled by `names`.
void with_names(const domain::FieldNames& names, const std::function<void()>& run);

// While the worker starts, or starts again, the reply is 503 once the scheduler's patience is over.
Later once_models_are_known(const Request& request, Service& service, Next next);

// `then` receives the accepted job.
Later once_submitted(Service& service, scheduler::NewJob new_job,
                     std::function<Outcome(const domain::Job&)> then);

// Submits the job and answers with `format` once it has succeeded. The fields of a refusal and of a
// failure are spelled by the names of the job.
Later once_done(Service& service, scheduler::NewJob new_job,
                std::function<Response(const domain::Job&)> format);

}  // namespace atelier::http
