#include "http/endpoints/submission.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "http/failure.h"

namespace atelier::http {
namespace {

// A worker whose hello is still pending. One that is missing never sends it: the submission is
// refused with the reason.
bool comes_soon(const scheduler::WorkerStatus& worker) {
  return worker.state == "starting" || worker.state == "lost";
}

std::optional<Response> not_ready(const std::string& path, Service& service) {
  const auto reason = service.scheduler.models().reason;
  if (reason.empty()) return std::nullopt;
  if (!std::ranges::any_of(service.scheduler.status().workers, comes_soon)) return std::nullopt;
  return refusal(path, 503, "starting", reason + ": try again in a few seconds");
}

}  // namespace

void with_names(const domain::FieldNames& names, const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    throw names.spelled(error);
  }
}

Later once_models_are_known(const Request& request, Service& service, Next next) {
  Next known = [path = request.path, &service, next = std::move(next)]() -> Outcome {
    if (auto refused = not_ready(path, service)) return *std::move(refused);
    return next();
  };
  return {[&service, known = std::move(known)](const auto& resume) {
    service.scheduler.when_models_known([resume, known] { resume(known); });
  }};
}

Later once_submitted(Service& service, scheduler::NewJob new_job,
                     std::function<Outcome(const domain::Job&)> then) {
  // Attachments are large: they are handed on, never copied.
  auto kept = std::make_shared<scheduler::NewJob>(std::move(new_job));
  return {[&service, kept, then = std::move(then)](const auto& resume) {
    const auto names = kept->names;
    with_names(names, [&] {
      service.scheduler.submit(std::move(*kept), [=](scheduler::Accepted accepted) {
        resume([names, then, accepted = std::move(accepted)]() -> Outcome {
          if (const auto* error = std::get_if<Error>(&accepted)) throw names.spelled(*error);
          return then(std::get<domain::Job>(accepted));
        });
      });
    });
  }};
}

Later once_done(Service& service, scheduler::NewJob new_job,
                std::function<Response(const domain::Job&)> format) {
  auto names = new_job.names;
  return once_submitted(
      service, std::move(new_job),
      [names = std::move(names), format = std::move(format)](const domain::Job& accepted) {
        return AwaitJob{accepted.id, format, names};
      });
}

}  // namespace atelier::http
