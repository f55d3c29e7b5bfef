#include "http/endpoints/submission.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "http/endpoints/picture_field.h"
#include "http/failure.h"
#include "http/sender.h"
#include "http/server.h"

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

namespace {

// What the scheduler calls back with becomes the continuation.
using Start = std::function<void(std::function<void(scheduler::Accepted)> done)>;
using Then = std::function<Outcome(const domain::Job&, const domain::FieldNames&)>;

Later once_accepted(Start start, const domain::FieldNames& names, const Notes& notes, Then then) {
  return {[start = std::move(start), names, notes, then = std::move(then)](const auto& resume) {
            with_notes(names, notes, [&] {
              start([=](scheduler::Accepted accepted) {
                resume([names, notes, then, accepted = std::move(accepted)]() -> Outcome {
                  if (const auto* error = std::get_if<Error>(&accepted)) {
                    throw refusal_of(*error, names, notes);
                  }
                  return then(std::get<domain::Job>(accepted), names);
                });
              });
            });
          },
          RunsOn::kIoThread};
}

// The job that the client has submitted with the key before.
std::optional<domain::Job> earlier_job(const Sender& sender, Service& service) {
  if (sender.request.key.empty()) return std::nullopt;
  return service.scheduler.job_of_key(sender.client, sender.request);
}

Outcome submit(const Request& request, Service& service, MakeJob make, Then then) {
  const auto sender = sender_of(request, service.settings.api_key);
  if (const auto earlier = earlier_job(sender, service)) {
    const bool is_native = family_of(request.path) == Family::kNative;
    return then(*earlier,
                is_native ? domain::FieldNames{} : domain::FieldNames{.prefix = "/", .names = {}});
  }
  return once_models_are_known(
      request, service,
      [&service, sender, mode = std::string(request.header("X-VRAM-Mode")), make = std::move(make),
       then = std::move(then)]() -> Outcome {
        // Attachments are large: they are handed on, never copied.
        const auto kept = std::make_shared<scheduler::NewJob>(make());
        kept->client = sender.client;
        kept->request = sender.request;
        kept->input.memory_mode = mode;
        const auto start = [&service, kept](std::function<void(scheduler::Accepted)> done) {
          service.scheduler.submit(std::move(*kept), std::move(done));
        };
        return once_accepted(start, kept->names, kept->input.warnings, then);
      });
}

}  // namespace

Outcome submit_job(const Request& request, Service& service, MakeJob make,
                   std::function<Outcome(const domain::Job&)> then) {
  return submit(request, service, std::move(make),
                [then = std::move(then)](const domain::Job& accepted, const domain::FieldNames&) {
                  return then(accepted);
                });
}

Outcome run_job(const Request& request, Service& service, MakeJob make,
                std::function<Response(const domain::Job&)> format) {
  const auto on_leave =
      request.header(kRequestKeyHeader).empty() ? OnLeave::kCancel : OnLeave::kKeep;
  return submit(request, service, std::move(make),
                [on_leave, format = std::move(format)](const domain::Job& accepted,
                                                       const domain::FieldNames& names) {
                  return AwaitJob{accepted.id, format, names, on_leave};
                });
}

Outcome repeat_job(const Request& request, Service& service, const std::string& id,
                   scheduler::RepeatSeed seed, std::function<Outcome(const domain::Job&)> then) {
  const auto sender = sender_of(request, service.settings.api_key);
  if (const auto earlier = earlier_job(sender, service)) return then(*earlier);
  const scheduler::Repeat repeat{
      .id = id, .seed = seed, .client = sender.client, .request = sender.request};
  return once_models_are_known(request, service, [&service, repeat, then]() -> Outcome {
    const auto start = [&service, repeat](std::function<void(scheduler::Accepted)> done) {
      service.scheduler.repeat(repeat, std::move(done));
    };
    return once_accepted(
        start, {}, {},
        [then](const domain::Job& accepted, const domain::FieldNames&) { return then(accepted); });
  });
}

}  // namespace atelier::http
