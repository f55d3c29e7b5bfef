#include "http/endpoints/json_reply.h"

namespace atelier::http {

void set_memory_headers(Response& response, const scheduler::StationStatus& status) {
  response.set("X-VRAM-Used", std::to_string(status.memory_used_mb));
  response.set("X-VRAM-Total", std::to_string(status.memory_total_mb));
}

}  // namespace atelier::http
