// Upper and lower case of the ASCII letters; all other bytes stay as they are, whatever the locale
// says (std::tolower depends on it), so UTF-8 stays valid. Pure, any thread.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace atelier::platform {

constexpr char lower(char byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
}

inline std::string lower(std::string_view text) {
  std::string copy{text};
  for (char& byte : copy) byte = lower(byte);
  return copy;
}

inline bool equal_without_case(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, [](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace atelier::platform
