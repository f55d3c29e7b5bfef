// Everything else that is asked for with GET: the page.
#include "http/failure.h"
#include "http/route.h"
#include "http/server.h"
#include "http/static_files.h"
#include "platform/error.h"

namespace atelier::http {
namespace {

bool is_api(const std::string& path) {
  return path == "/v1" || path.starts_with("/v1/") || path == "/api" || path.starts_with("/api/");
}

Outcome page(const Request& request, Service& service) {
  if (is_api(request.path)) {
    throw Error(ErrorCode::kNotFound,
                "there is nothing at " + request.path + ": /docs lists what there is");
  }
  return static_file(service.settings.web_root, request.path, request.header("If-None-Match"));
}

}  // namespace

std::vector<Route> page_routes() {
  return {{.method = "GET",
           .pattern = "/{path...}",
           .tag = "page",
           .summary = "The page",
           .response_type = "text/html",
           .function = page}};
}

}  // namespace atelier::http
