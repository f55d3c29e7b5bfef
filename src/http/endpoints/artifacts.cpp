// GET /api/v1/artifacts/{id}: pictures. Their bytes never change under an id, previews excepted.
#include <string>
#include <utility>

#include "http/representation.h"
#include "http/route.h"

namespace atelier::http {
namespace {

Outcome artifact(const Request& request, Service& service) {
  const std::string& id = request.parameter("id");
  const bool lasting = !id.starts_with("preview-");
  const std::string tag = "\"" + id + "\"";
  scheduler::OpenPicture picture = service.scheduler.open_artifact(id);
  Response response;
  // Only pictures are ever shown by a browser; anything else is a download.
  const bool shown = picture.media_type.starts_with("image/") &&
                     picture.media_type.find("svg") == std::string::npos;
  response.content_type = shown ? picture.media_type : "application/octet-stream";
  if (!shown) response.set("Content-Disposition", "attachment");
  response.set("Content-Security-Policy", "default-src 'none'; sandbox");
  response.set("Cross-Origin-Resource-Policy", "same-site");
  response.set("Cache-Control", lasting ? "private, max-age=31536000, immutable" : "no-store");
  represent(request, lasting ? tag : "", std::move(picture.bytes), response);
  return response;
}

}  // namespace

std::vector<Route> artifact_routes() {
  return {{.method = "GET",
           .pattern = "/api/v1/artifacts/{id}",
           .tag = "jobs",
           .summary = "A picture that a job has made; a Range of bytes may be requested",
           .response_type = "image/png",
           .function = artifact,
           .also = {{206, "The range of bytes that was requested; of several, the whole is sent"},
                    {304, "The picture that If-None-Match names is still the one"}}}};
}

}  // namespace atelier::http
