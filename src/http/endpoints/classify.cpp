// /v1/classify: the labels of a picture, in the shape that the gallery reads for "nsfw-detector".
#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

#include "card/tasks/classify.h"
#include "http/endpoints/json_reply.h"
#include "http/endpoints/submission.h"
#include "http/endpoints/unknown_fields.h"
#include "http/route.h"
#include "platform/error.h"

namespace atelier::http {

struct ClassifyBody {
  std::optional<std::string> image_url, image;  // base64 or data URL
  std::string model;
};
BOOST_DESCRIBE_STRUCT(ClassifyBody, (), (image_url, image, model))

struct ClassifyStats {
  double tokens_per_sec = 0;  // no text is generated
  std::string device;
  int tokens = 0;
  double duration = 0;  // seconds
};
BOOST_DESCRIBE_STRUCT(ClassifyStats, (), (tokens_per_sec, device, tokens, duration))

struct ClassifyReply {
  std::string label;                          // with the highest score
  double score = 0;                           // 0 to 1
  std::vector<card::LabelScore> predictions;  // the highest score first
  std::string id;                             // of the job
  std::string model;                          // that really answered
  // Of an animated picture: whose scores these are, how many were classified, of how many.
  int frame = 0, frames = 1, frames_total = 1;
  std::vector<std::string> warnings;
  ClassifyStats _stats;
};
BOOST_DESCRIBE_STRUCT(ClassifyReply, (),
                      (label, score, predictions, id, model, frame, frames, frames_total, warnings,
                       _stats))

namespace {

Response reply_of(const domain::Job& job, Service& service) {
  if (!job.result || job.result->outputs.empty()) {
    throw Error(ErrorCode::kInternal, "job '" + job.id + "' ended without labels");
  }
  const auto& used = job.result->used.as<card::ClassifyFacts>();
  ClassifyReply reply;
  json::read_value(job.result->outputs.front().value, reply.predictions, "", nullptr);
  if (reply.predictions.empty()) {
    throw Error(ErrorCode::kInternal, "job '" + job.id + "' ended without labels");
  }
  reply.label = reply.predictions.front().label;
  reply.score = reply.predictions.front().score;
  reply.id = job.id;
  reply.model = used.model;
  reply.frame = used.frame;
  reply.frames = used.frames;
  reply.frames_total = used.frames_total;
  reply.warnings = used.warnings;
  const auto status = service.scheduler.status();
  reply._stats.device = device_of(status);
  reply._stats.duration = static_cast<double>(job.finished_ms - job.started_ms) / 1000;
  auto response = json_reply(reply);
  set_memory_headers(response, status);
  return response;
}

Outcome classify(const Request& request, Service& service) {
  std::vector<std::string> unknown;
  const auto body = read_body<ClassifyBody>(request, [](const boost::json::object&) {}, &unknown);
  scheduler::NewJob job;
  job.names.prefix = "/";
  attach_image(job, body.image, body.image_url);
  card::ClassifyInput input;
  input.model = body.model;
  job.input.parameters = card::TaskInput::of(card::classify_task(), input);
  job.input.warnings = describe_unknown(unknown, {{"", json::member_names<ClassifyBody>()}});
  const auto kept = std::make_shared<scheduler::NewJob>(std::move(job));
  return run_job(
      request, service, [kept] { return std::move(*kept); },
      [&service](const domain::Job& done) { return reply_of(done, service); });
}

}  // namespace

std::vector<Route> classify_routes() {
  return {{.method = "POST",
           .pattern = "/v1/classify",
           .tag = "legacy",
           .summary = "Labels of a picture with scores",
           .request = schema_of<ClassifyBody>(),
           .response = schema_of<ClassifyReply>(),
           .function = classify,
           .takes = Takes::kPictures,
           .submits_jobs = true}};
}

}  // namespace atelier::http
