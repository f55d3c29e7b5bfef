// POST /v1/images/generations, /v1/generate, /v1/images/generate: one request and one reply for the
// three kinds of client that make pictures this way (the present gallery, the previous gallery,
// OpenAI's). The call lasts as long as the job; a client that leaves cancels it.
#include <chrono>
#include <cmath>
#include <memory>
#include <utility>

#include "card/tasks/generate.h"
#include "http/endpoints/image_request.h"
#include "http/endpoints/json_reply.h"
#include "http/endpoints/loose_values.h"
#include "http/endpoints/picture_slots.h"
#include "http/endpoints/seed_fields.h"
#include "http/endpoints/submission.h"
#include "http/route.h"
#include "platform/error.h"

namespace atelier::http {

struct PictureData {
  std::string b64_json;
  std::optional<std::string> url;  // only on request
};
BOOST_DESCRIBE_STRUCT(PictureData, (), (b64_json, url))

struct PictureStats {
  double duration = 0;  // seconds
  std::string device;
  double inference_time_ms = 0, model_load_time_ms = 0;
  double step_time_ms = 0;
  int steps = 0;
};
BOOST_DESCRIBE_STRUCT(PictureStats, (),
                      (duration, device, inference_time_ms, model_load_time_ms, step_time_ms,
                       steps))

// The same pictures under every key that some client reads first.
struct PictureReply {
  std::int64_t created = 0;  // Unix time in seconds
  std::string id;            // of the job
  std::string model;         // that was used
  std::vector<PictureData> data;
  std::vector<std::string> images, result;
  std::string image;
  std::uint64_t seed = 0;
  std::string seed_text;  // JavaScript rounds large numbers
  int width = 0, height = 0;
  PictureStats stats;
  std::optional<std::string> warning;
};
BOOST_DESCRIBE_STRUCT(PictureReply, (),
                      (created, id, model, data, images, result, image, seed, seed_text, width,
                       height, stats, warning))

namespace {

std::string joined(const std::vector<std::string>& sentences) {
  std::string text;
  for (const auto& sentence : sentences) {
    if (!text.empty()) text += "; ";
    text += sentence;
  }
  return text;
}

std::string milliseconds(double value) { return std::to_string(std::llround(value)); }

struct ReplyOptions {
  bool with_url = false;
  std::string base_url;
};

Response pictures_of(const domain::Job& job, const ReplyOptions& options, Service& service) {
  if (!job.result) throw Error(ErrorCode::kInternal, "job '" + job.id + "' ended without a result");
  const domain::JobResult& result = *job.result;
  const auto& used = result.used.as<card::GenerationUsed>();
  const auto status = service.scheduler.status();
  PictureReply reply;
  PictureSlots slots;
  reply.created = job.created_ms / 1000;
  reply.id = job.id;
  reply.model = used.model;
  for (const auto& artifact : result.artifacts()) {
    reply.images.push_back(slots.add(service.scheduler.open_artifact(artifact).bytes));
    PictureData data{reply.images.back(), std::nullopt};
    if (options.with_url) data.url = options.base_url + "/api/v1/artifacts/" + artifact;
    reply.data.push_back(std::move(data));
  }
  reply.result = reply.images;
  if (!reply.images.empty()) reply.image = reply.images.front();
  reply.seed = used.seed;
  reply.seed_text = std::to_string(reply.seed);
  reply.width = used.width;
  reply.height = used.height;
  const auto time_of = [&result](const char* stage) {
    const auto found = result.timing.find(stage);
    return found == result.timing.end() ? 0.0 : found->second;
  };
  const double inference_ms = time_of("encode_ms") + time_of("denoise_ms") + time_of("decode_ms");
  reply.stats = {static_cast<double>(job.finished_ms - job.created_ms) / 1000.0,
                 device_of(status),
                 inference_ms,
                 time_of("load_ms"),
                 time_of("step_ms_median"),
                 used.steps};
  if (!used.warnings.empty()) reply.warning = joined(used.warnings);
  Response response;
  response.source = slots.fill(json::write_json(reply));
  set_memory_headers(response, status);
  response.set("X-Inference-Time", milliseconds(inference_ms));
  response.set("X-Model-Load-Time", milliseconds(time_of("load_ms")));
  return response;
}

// Values that legacy clients write in another, unambiguous form.
void loosen(boost::json::object& body) {
  read_values_in_texts<ImageBody>(body);
  settle_seed(body, "", card::NegativeSeeds::kAllAreAny);
}

Outcome generate(const Request& request, Service& service) {
  std::vector<std::string> unknown;
  auto body = std::make_shared<ImageBody>(read_body<ImageBody>(request, loosen, &unknown));
  const auto sampler = request.path == "/v1/images/generations" ? UnknownSampler::kRefuse
                                                                : UnknownSampler::kFallBack;
  const ReplyOptions options{body->response_format.value_or("") == "url",
                             "http://" + std::string{request.header("Host")}};
  const auto make = [=, &service] {
    ImageRequest image_request = read_image_request(*body, service.scheduler, sampler);
    *body = {};  // its pictures in base64
    for (auto& each : describe_unread(unknown)) image_request.warnings.push_back(std::move(each));
    image_request.job.input.warnings = std::move(image_request.warnings);
    return std::move(image_request.job);
  };
  return run_job(request, service, make, [options, &service](const domain::Job& done) {
    return pictures_of(done, options, service);
  });
}

}  // namespace

std::vector<Route> image_routes() {
  std::vector<Route> routes;
  const boost::json::object example{{"prompt", "a red circle on a white ground"}, {"steps", 8}};
  for (const char* pattern : {"/v1/images/generations", "/v1/generate", "/v1/images/generate"}) {
    routes.push_back({.method = "POST",
                      .pattern = pattern,
                      .tag = "legacy",
                      .summary = "Make pictures and wait for them",
                      .request = with_docs(schema_of<ImageBody>(), "ImageBody", image_docs()),
                      .response = schema_of<PictureReply>(),
                      .function = generate,
                      .takes = Takes::kPictures,
                      .submits_jobs = true,
                      .example = example});
  }
  return routes;
}

}  // namespace atelier::http
