#include "http/endpoints/json_reply.h"

#include "platform/base64.h"
#include "platform/error.h"

namespace atelier::http {

std::vector<std::uint8_t> read_picture(std::string_view text, std::string_view pointer) {
  if (text.empty()) return {};
  const std::string where{pointer};
  if (text.starts_with("http://") || text.starts_with("https://")) {
    throw Error(ErrorCode::kInvalidArgument,
                where +
                    ": the station fetches nothing from other servers: send the picture "
                    "itself as base64 or a data URL");
  }
  if (text.starts_with("data:")) {
    const std::size_t comma = text.find(',');
    if (comma == std::string_view::npos || !text.substr(0, comma).ends_with(";base64")) {
      throw Error(ErrorCode::kInvalidArgument,
                  where + ": this data URL has no ';base64,' part: send the picture in base64");
    }
    text.remove_prefix(comma + 1);
  }
  auto bytes = platform::base64_decode(text);
  if (!bytes) {
    throw Error(ErrorCode::kInvalidArgument,
                where + ": this is not base64: send a picture's bytes in base64 or as a data URL");
  }
  if (bytes->empty()) {
    throw Error(ErrorCode::kInvalidArgument, where + ": the picture is empty");
  }
  return *std::move(bytes);
}

void set_memory_headers(Response& response, const scheduler::StationStatus& status) {
  response.set("X-VRAM-Used", std::to_string(status.memory_used_mb));
  response.set("X-VRAM-Total", std::to_string(status.memory_total_mb));
}

}  // namespace atelier::http
