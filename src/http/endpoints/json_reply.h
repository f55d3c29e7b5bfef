// What endpoint files share: described structs to replies and back, and pictures in JSON.
// Any thread; reading throws kInvalidArgument with a JSON pointer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "json/describe.h"
#include "scheduler/scheduler.h"

namespace atelier::http {

template <class T>
Response json_reply(const T& value, int status = 200) {
  Response response;
  response.status = status;
  response.body = json::write_json(value);
  return response;
}

// Reads the body; `unknown` receives the keys that nobody here knows.
template <class T>
T read_body(const Request& request, std::vector<std::string>* unknown = nullptr) {
  json::ReadReport report;
  T value = json::read_json<T>(request.body.text(), &report);
  if (unknown != nullptr) *unknown = report.unknown;
  return value;
}

// Bare base64 or a data URL; `pointer` names the field in the refusal. "" gives no bytes.
std::vector<std::uint8_t> read_picture(std::string_view text, std::string_view pointer);

// X-VRAM-Used and X-VRAM-Total in MB: the gallery's concurrency follows them.
void set_memory_headers(Response& response, const scheduler::StationStatus& status);

}  // namespace atelier::http
