// GET /health: a constant reply, for supervisors and for clients that look for a station.
#include "http/endpoints/json_reply.h"
#include "http/route.h"

namespace atelier::http {

struct Health {
  std::string status = "ok";
  std::string server = "moondream-station";  // the legacy system's name: its clients check it
};
BOOST_DESCRIBE_STRUCT(Health, (), (status, server))

std::vector<Route> health_routes() {
  return {{.method = "GET",
           .pattern = "/health",
           .tag = "status",
           .summary = "Whether the station runs",
           .response = schema_of<Health>(),
           .runs_on = RunsOn::kIoThread,
           .in_reserve = true,
           .function = [](const Request&, Service&) -> Outcome { return json_reply(Health{}); }}};
}

}  // namespace atelier::http
