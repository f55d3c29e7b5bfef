// /v1/upscale: a picture is enlarged and sent back, in the shape of the image paths.
#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "card/tasks/upscale.h"
#include "http/endpoints/json_reply.h"
#include "http/endpoints/picture_slots.h"
#include "http/endpoints/submission.h"
#include "http/endpoints/unknown_fields.h"
#include "http/route.h"
#include "platform/error.h"

namespace atelier::http {

struct UpscaleBody {
  std::optional<std::string> image_url, image;  // base64 or data URL
  std::string model;
  std::optional<int> scale, tile;
};
BOOST_DESCRIBE_STRUCT(UpscaleBody, (), (image_url, image, model, scale, tile))

struct UpscaledPicture {
  std::string b64_json;
};
BOOST_DESCRIBE_STRUCT(UpscaledPicture, (), (b64_json))

struct UpscaleReply {
  std::int64_t created = 0;  // Unix time in seconds
  std::string id;            // of the job
  std::string model;         // that was used
  std::vector<UpscaledPicture> data;
  std::vector<std::string> images;
  std::string image;
  int width = 0, height = 0, scale = 0;
  std::vector<std::string> warnings;
};
BOOST_DESCRIBE_STRUCT(UpscaleReply, (),
                      (created, id, model, data, images, image, width, height, scale, warnings))

namespace {

Response reply_of(const domain::Job& job, Service& service) {
  if (!job.result || job.result->artifacts().empty()) {
    throw Error(ErrorCode::kInternal, "job '" + job.id + "' ended without a picture");
  }
  const auto& used = job.result->used.as<card::UpscaleFacts>();
  PictureSlots slots;
  UpscaleReply reply;
  reply.created = job.created_ms / 1000;
  reply.id = job.id;
  reply.model = used.model;
  reply.image = slots.add(service.scheduler.open_artifact(job.result->artifacts().front()).bytes);
  reply.images = {reply.image};
  reply.data = {{reply.image}};
  reply.width = used.width;
  reply.height = used.height;
  reply.scale = used.scale;
  reply.warnings = used.warnings;
  Response response;
  response.source = slots.fill(json::write_json(reply));
  set_memory_headers(response, service.scheduler.device_memory());
  return response;
}

Outcome upscale(const Request& request, Service& service) {
  std::vector<std::string> unknown;
  const auto body = read_body<UpscaleBody>(request, [](const boost::json::object&) {}, &unknown);
  scheduler::NewJob job;
  job.names.prefix = "/";
  attach_image(job, body.image, body.image_url);
  card::UpscaleInput input;
  input.model = body.model;
  input.scale = body.scale;
  input.tile = body.tile;
  job.input.parameters = card::TaskInput::of(card::upscale_task(), input);
  job.input.warnings = describe_unknown(unknown, {{"", json::member_names<UpscaleBody>()}});
  const auto kept = std::make_shared<scheduler::NewJob>(std::move(job));
  return run_job(
      request, service, [kept] { return std::move(*kept); },
      [&service](const domain::Job& done) { return reply_of(done, service); });
}

}  // namespace

std::vector<Route> upscale_routes() {
  return {{.method = "POST",
           .pattern = "/v1/upscale",
           .tag = "legacy",
           .summary = "Upscale a picture and wait for it",
           .request = schema_of<UpscaleBody>(),
           .response = schema_of<UpscaleReply>(),
           .function = upscale,
           .takes = Takes::kPictures,
           .submits_jobs = true}};
}

}  // namespace atelier::http
