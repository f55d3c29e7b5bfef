// What endpoint files share: described structs to replies and back.
// Any thread; reading throws kInvalidArgument with a JSON pointer.
#pragma once

#include <string>
#include <string_view>
#include <utility>
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

// Throws kTooLarge where the body, its pictures aside, is larger than
// ServerLimits::json_body_bytes: what it would take in memory is then many times its size.
void check_document(std::string_view text);

// Reads the body; `unknown` receives the unknown keys. `prepare` is called with the object first
// and may convert other spellings.
template <class T, class Prepare>
T read_body(const Request& request, const Prepare& prepare,
            std::vector<std::string>* unknown = nullptr) {
  check_document(request.body.text());
  auto body = json::parse(request.body.text());
  if (auto* fields = body.if_object()) prepare(*fields);
  json::ReadReport report;
  T value{};
  json::read_value(body, value, "", &report);
  if (unknown != nullptr) *unknown = std::move(report.unknown);
  return value;
}

// Throws kInvalidArgument for a field that is none of `known`.
[[noreturn]] void refuse_unknown(const std::string& pointer, const std::vector<std::string>& known);

template <class T>
T read_body(const Request& request) {
  return read_body<T>(request, [](const boost::json::object&) {});
}

// A body whose unknown fields are refused: a misspelt filter would apply a change to every job.
template <class T>
T read_exactly(const Request& request) {
  std::vector<std::string> unknown;
  auto body = read_body<T>(request, [](const boost::json::object&) {}, &unknown);
  if (!unknown.empty()) refuse_unknown(unknown.front(), json::member_names<T>());
  return body;
}

// The device that computes: of the first worker that has reported one, else "cpu".
std::string device_of(const scheduler::StationStatus& status);

// X-VRAM-Used and X-VRAM-Total in MB: the gallery derives its concurrency from them.
void set_memory_headers(Response& response, const scheduler::DeviceMemory& memory);

}  // namespace atelier::http
