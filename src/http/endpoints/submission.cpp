#include "http/endpoints/submission.h"

#include <memory>
#include <utility>
#include <variant>

namespace atelier::http {

Later once_models_are_known(Service& service, Next next) {
  return {[&service, next = std::move(next)](const auto& resume) {
    service.scheduler.when_models_known([resume, next] { resume(next); });
  }};
}

Later once_submitted(Service& service, scheduler::NewJob new_job,
                     std::function<Outcome(const domain::Job&)> then) {
  // Pictures are large: they are handed on, never copied.
  auto kept = std::make_shared<scheduler::NewJob>(std::move(new_job));
  return {[&service, kept, then = std::move(then)](const auto& resume) {
    service.scheduler.submit(std::move(*kept), [resume, then](scheduler::Accepted accepted) {
      resume([then, accepted = std::move(accepted)]() -> Outcome {
        if (const auto* error = std::get_if<Error>(&accepted)) throw Error(*error);
        return then(std::get<domain::Job>(accepted));
      });
    });
  }};
}

}  // namespace atelier::http
