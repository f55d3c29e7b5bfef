// /openapi.json and /docs: the description of the API, and Swagger UI, which displays it. Its files
// are part of the built page; nothing is fetched from a network.
#include "http/openapi.h"
#include "http/route.h"
#include "http/server.h"
#include "http/static_files.h"

namespace atelier::http {
namespace {

Outcome document(const Request&, Service& service) {
  Response response;
  response.content_type = "application/json";
  response.body = openapi_document(service.routes);
  response.set("Content-Security-Policy", std::string{content_security_policy()});
  response.set("Cache-Control", "no-cache");
  return response;
}

Outcome page(const Request& request, Service& service) {
  return static_file(service.settings.web_root, "/docs/index.html", request);
}

}  // namespace

std::vector<Route> document_routes() {
  return {{.method = "GET",
           .pattern = "/openapi.json",
           .tag = "description",
           .summary = "This document",
           .function = document},
          {.method = "GET",
           .pattern = "/docs",
           .tag = "description",
           .summary = "This document as a page",
           .response_type = "text/html",
           .function = page}};
}

}  // namespace atelier::http
