// GET and HEAD of bytes that have a size and mostly an entity tag: conditions (RFC 9110 §13) and
// one range (§14). Of several ranges in one request the whole is sent instead, which a server may.
// Pure, any thread; never fails.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"
#include "platform/byte_source.h"

namespace atelier::http {

// Whether a list of tags (`"a", W/"b"` or `*`) names this one; weakly, as If-None-Match compares.
bool names_tag(std::string_view list, std::string_view tag);

struct ByteRange {
  std::uint64_t first = 0, size = 0;  // size 0: it lies outside
};
// Absent: the whole is to be sent (no range, several, or one that cannot be read).
std::optional<ByteRange> read_range(std::string_view text, std::uint64_t size);

// Sets status, source, tag and range fields of the response. `tag` with its quotes; "": none.
void represent(const Request& request, const std::string& tag,
               std::shared_ptr<const platform::ByteSource> bytes, Response& response);

}  // namespace atelier::http
