// What endpoints that ask for work share: going on once the models are known, and once a job has
// been accepted. No thread waits meanwhile. Any thread; failures are thrown where the handler goes
// on.
#pragma once

#include <functional>

#include "http/route.h"

namespace atelier::http {

Later once_models_are_known(Service& service, Next next);

// `then` gets the job as it was accepted.
Later once_submitted(Service& service, scheduler::NewJob new_job,
                     std::function<Outcome(const domain::Job&)> then);

}  // namespace atelier::http
