// A number in a query or a header. Pure, any thread; throws kInvalidArgument.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::http {

inline std::int64_t read_number(std::string_view text, std::string_view what) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || value < 0) {
    throw Error(ErrorCode::kInvalidArgument, std::string{what} +
                                                 " must be a whole number from 0, not '" +
                                                 platform::cut(text, 40) + "'");
  }
  return value;
}

}  // namespace atelier::http
