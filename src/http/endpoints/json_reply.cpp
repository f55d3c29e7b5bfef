#include "http/endpoints/json_reply.h"

#include "http/server.h"
#include "json/document_size.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::http {

void check_document(std::string_view text) {
  constexpr std::size_t kLongString = 64 << 10;  // longer ones are pictures
  constexpr std::size_t kLimit = ServerLimits{}.json_body_bytes;
  const std::size_t bytes = json::bytes_beside_long_strings(text, kLongString);
  if (bytes <= kLimit) return;
  throw Error(ErrorCode::kTooLarge, "the request's body has " + std::to_string(bytes >> 10) +
                                        " KB beside its pictures, allowed are " +
                                        std::to_string(kLimit >> 10) + ": send less");
}

void refuse_unknown(const std::string& pointer, const std::vector<std::string>& known) {
  std::string names;
  for (const auto& name : known) names += (names.empty() ? "" : ", ") + name;
  throw Error(
      ErrorCode::kInvalidArgument,
      "unknown field '" + platform::cut(pointer.substr(1), 40) + "': choose among " + names);
}

std::string device_of(const scheduler::StationStatus& status) {
  for (const auto& worker : status.workers) {
    if (!worker.device.empty()) return worker.device;
  }
  return "cpu";
}

void set_memory_headers(Response& response, const scheduler::DeviceMemory& memory) {
  response.set("X-VRAM-Used", std::to_string(memory.memory_used_mb));
  response.set("X-VRAM-Total", std::to_string(memory.memory_total_mb));
}

}  // namespace atelier::http
