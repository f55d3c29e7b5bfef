// The first lines of a reply as text. Pure, any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "http/message.h"

namespace atelier::http {

struct ReplyFrame {
  std::optional<std::size_t> length;  // absent: the body ends with the connection
  bool keep_open = true;
  bool old_version = false;  // HTTP/1.0 requires the header field that keeps the connection
};

// `cors` comes from admission.h. Line breaks in values are dropped, so no value can add a header.
std::string reply_head(const Response& response, const ReplyFrame& frame, const Fields& cors);

}  // namespace atelier::http
