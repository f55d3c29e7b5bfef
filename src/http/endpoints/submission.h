// Shared by endpoints that accept jobs: continuations for "the models are known" and "the job has
// been accepted". No thread waits meanwhile. Any thread; failures are thrown in the continuation.
// The fields of errors about a job are spelled here as the request spelled them.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "http/route.h"

namespace atelier::http {

// The picture of a body that takes `image`, and `image_url` as other systems name it, becomes the
// attachment `image`; its errors name the field that was sent.
void attach_image(scheduler::NewJob& job, const std::optional<std::string>& image,
                  const std::optional<std::string>& image_url);

// Calls `run`. An error that it throws has its field spelled by `names`.
void with_names(const domain::FieldNames& names, const std::function<void()>& run);

// While the worker starts, or starts again, the reply is 503 once the scheduler's patience is over.
Later once_models_are_known(const Request& request, Service& service, Next next);

// `then` receives the accepted job. A refusal because of an invalid request ends with the job's
// warnings: what it lacks may be there under a name that is unknown.
Later once_submitted(Service& service, scheduler::NewJob new_job,
                     std::function<Outcome(const domain::Job&)> then);

// Submits the job and answers with `format` once it has succeeded. The fields of a refusal and of a
// failure are spelled by the names of the job.
Later once_done(Service& service, scheduler::NewJob new_job,
                std::function<Response(const domain::Job&)> format);

}  // namespace atelier::http
