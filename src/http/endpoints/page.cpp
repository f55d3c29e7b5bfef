// GET of all other paths: the page.
#include "http/failure.h"
#include "http/route.h"
#include "http/server.h"
#include "http/static_files.h"
#include "platform/error.h"

namespace atelier::http {
namespace {

// Paths of APIs: a client would take the page for a reply.
bool is_for_programs(const std::string& path) {
  for (const std::string_view place :
       {"/v1", "/api", "/metrics", "/sdapi", "/system", "/diagnostics", "/control"}) {
    if (path == place || path.starts_with(std::string{place} + "/")) return true;
  }
  return false;
}

Outcome page(const Request& request, Service& service) {
  if (is_for_programs(request.path)) {
    throw Error(ErrorCode::kNotFound, "unknown path " + request.path + ": /docs lists all paths");
  }
  return static_file(service.settings.web_root, request.path, request);
}

}  // namespace

std::vector<Route> page_routes() {
  return {{.method = "GET",
           .pattern = "/{path...}",
           .tag = "page",
           .summary = "The page",
           .response_type = "text/html",
           .in_reserve = true,
           .function = page}};
}

}  // namespace atelier::http
