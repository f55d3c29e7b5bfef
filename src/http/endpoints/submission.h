// How every endpoint submits jobs: who the client is, requests that are sent again, and
// continuations for "the models are known" and "the job has been accepted". No thread waits
// meanwhile. Called by handlers on the pool; failures are thrown here or in the continuation.
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

// Makes the job of a request: on the pool, once the models are known, at most once. The client and
// the key of the request are added to it.
using MakeJob = std::function<scheduler::NewJob()>;

// Submits the job of a request; `then`, which runs on the I/O thread and needs microseconds,
// receives it once it is accepted, or the job that the client
// has submitted with the same Idempotency-Key before. A refusal because of an invalid request ends
// with the job's warnings: what it lacks may be there under a name that is unknown.
Outcome submit_job(const Request& request, Service& service, MakeJob make,
                   std::function<Outcome(const domain::Job&)> then);

// The same, answered with `format` once the job has succeeded. The fields of a refusal and of a
// failure are spelled by the names of the job. A client that leaves cancels the job, unless it sent
// an Idempotency-Key.
Outcome run_job(const Request& request, Service& service, MakeJob make,
                std::function<Response(const domain::Job&)> format);

// The same as submit_job() for an ended job that is run again.
Outcome repeat_job(const Request& request, Service& service, const std::string& id,
                   scheduler::RepeatSeed seed, std::function<Outcome(const domain::Job&)> then);

}  // namespace atelier::http
