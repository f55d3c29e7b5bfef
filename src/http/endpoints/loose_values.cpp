#include "http/endpoints/loose_values.h"

#include <string_view>

#include "platform/ascii.h"

namespace atelier::http {
namespace {

namespace bj = boost::json;

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

void read_number_in_text(bj::value& value) {
  if (!value.is_string()) return;
  const auto text = trim(value.get_string());
  if (text.empty()) {
    value = nullptr;
    return;
  }
  bj::error_code problem;
  const auto number = bj::parse(text, problem);
  if (!problem && number.is_number()) value = number;
}

void read_flag_in_text(bj::value& value) {
  if (!value.is_string()) return;
  const auto text = trim(value.get_string());
  if (text.empty()) {
    value = nullptr;
  } else if (platform::equal_without_case(text, "true")) {
    value = true;
  } else if (platform::equal_without_case(text, "false")) {
    value = false;
  }
}

}  // namespace atelier::http
