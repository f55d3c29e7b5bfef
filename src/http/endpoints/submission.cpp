#include "http/endpoints/submission.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "http/endpoints/picture_field.h"
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

using Notes = std::vector<std::string>;

Error refusal_of(const Error& error, const domain::FieldNames& names, const Notes& notes) {
  if (error.code() != ErrorCode::kInvalidArgument) return names.spelled(error);
  std::string sentence = error.what();
  for (const auto& note : notes) sentence += "; " + note;
  return names.spelled(Error(error.code(), error.field(), std::move(sentence)));
}

void with_notes(const domain::FieldNames& names, const Notes& notes,
                const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    throw refusal_of(error, names, notes);
  }
}

}  // namespace

void attach_image(scheduler::NewJob& job, const std::optional<std::string>& image,
                  const std::optional<std::string>& image_url) {
  job.names.names["image"] = image_url ? "/image_url" : "/image";
  const auto& text = image_url ? image_url : image;
  auto picture = read_picture(text.value_or(""), job.names.of("image"), Base64Rule::kLoose);
  if (!picture.empty()) job.attachments["image"] = std::move(picture);
}

void with_names(const domain::FieldNames& names, const std::function<void()>& run) {
  with_notes(names, {}, run);
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
    const auto notes = kept->input.warnings;
    with_notes(names, notes, [&] {
      service.scheduler.submit(std::move(*kept), [=](scheduler::Accepted accepted) {
        resume([names, notes, then, accepted = std::move(accepted)]() -> Outcome {
          if (const auto* error = std::get_if<Error>(&accepted)) {
            throw refusal_of(*error, names, notes);
          }
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
