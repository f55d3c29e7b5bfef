#include "http/message.h"

#include <algorithm>
#include <array>

#include "platform/check.h"

namespace atelier::http {
namespace {

// Not std::tolower: header names must not depend on the locale.
char lower(char character) {
  return character >= 'A' && character <= 'Z' ? static_cast<char>(character - 'A' + 'a')
                                              : character;
}

}  // namespace

bool equal_without_case(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (equal_without_case(key, name)) return value;
  }
  return {};
}

std::optional<std::string_view> Request::query_value(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

const std::string& Request::parameter(std::string_view name) const {
  const auto found =
      std::ranges::find_if(parameters, [&](const auto& each) { return each.first == name; });
  CHECK(found != parameters.end());
  return found->second;
}

std::string_view reason_phrase(int status) {
  static constexpr std::array kPhrases{
      std::pair{200, "OK"},
      std::pair{202, "Accepted"},
      std::pair{204, "No Content"},
      std::pair{206, "Partial Content"},
      std::pair{304, "Not Modified"},
      std::pair{400, "Bad Request"},
      std::pair{401, "Unauthorized"},
      std::pair{403, "Forbidden"},
      std::pair{404, "Not Found"},
      std::pair{405, "Method Not Allowed"},
      std::pair{408, "Request Timeout"},
      std::pair{409, "Conflict"},
      std::pair{411, "Length Required"},
      std::pair{412, "Precondition Failed"},
      std::pair{413, "Content Too Large"},
      std::pair{415, "Unsupported Media Type"},
      std::pair{416, "Range Not Satisfiable"},
      std::pair{421, "Misdirected Request"},
      std::pair{422, "Unprocessable Content"},
      std::pair{429, "Too Many Requests"},
      std::pair{431, "Request Header Fields Too Large"},
      std::pair{500, "Internal Server Error"},
      std::pair{501, "Not Implemented"},
      std::pair{503, "Service Unavailable"},
      std::pair{504, "Gateway Timeout"},
      std::pair{507, "Insufficient Storage"},
  };
  for (const auto& [code, phrase] : kPhrases) {
    if (code == status) return phrase;
  }
  return "Unknown";
}

}  // namespace atelier::http
