// Pictures in JSON: base64 or a data URL becomes bytes. Any thread; errors (kInvalidArgument) have
// the field and the format that was found instead: base64url, an address, SVG, HTML …
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::http {

enum class Base64Rule {
  kStrict,  // standard alphabet, padded; line breaks are allowed
  kLoose,   // old clients': also the URL's alphabet, and without padding
};

// "" gives no bytes; `pointer` names the field.
std::vector<std::uint8_t> read_picture(std::string_view text, std::string_view pointer,
                                       Base64Rule rule = Base64Rule::kStrict);

}  // namespace atelier::http
