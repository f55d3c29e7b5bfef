// A request and a reply as plain values, so that endpoint files do not depend on the HTTP library.
// Made and consumed by the connection; handlers read the request and return a reply by value.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/body.h"
#include "platform/ascii.h"
#include "platform/byte_source.h"

namespace atelier::http {

using Fields = std::vector<std::pair<std::string, std::string>>;

using platform::equal_without_case;

struct Request {
  std::string method;  // "GET", "POST", … (HEAD arrives at handlers as GET)
  std::string path;    // decoded, repeated /v1 collapsed: "/v1/models"
  Fields query;        // decoded
  Fields headers;
  Fields parameters;  // from the route's pattern: {"id", "01J…"}
  Body body;
  bool from_loopback = true;
  std::string remote_address;   // canonical_address() of the client
  std::string accepted_origin;  // the Origin header once the rules have accepted it

  std::string_view header(std::string_view name) const;  // "" when absent
  std::optional<std::string_view> query_value(std::string_view name) const;
  const std::string& parameter(std::string_view name) const;  // of the pattern; must exist
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::shared_ptr<const platform::ByteSource> source;  // sent piece by piece in place of `body`
  Fields headers;

  std::uint64_t size() const { return source ? source->size() : body.size(); }
  void set(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
  }
};

std::string_view reason_phrase(int status);

}  // namespace atelier::http
