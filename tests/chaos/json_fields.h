// Members of replies that may be missing.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace atelier::chaos {

namespace bj = boost::json;

// Null where there is none.
inline const bj::value& field(const bj::value& object, std::string_view key) {
  static const bj::value kNone;
  if (!object.is_object()) return kNone;
  const auto* found = object.get_object().if_contains(key);
  return found == nullptr ? kNone : *found;
}

inline std::string text_at(const bj::value& object, std::string_view key) {
  const auto& value = field(object, key);
  return value.is_string() ? std::string{value.get_string()} : std::string{};
}

inline std::int64_t number_at(const bj::value& object, std::string_view key) {
  const auto& value = field(object, key);
  return value.is_int64() ? value.get_int64() : 0;
}

inline const bj::array& list_at(const bj::value& object, std::string_view key) {
  static const bj::array kNone;
  const auto& value = field(object, key);
  return value.is_array() ? value.get_array() : kNone;
}

// Null where the text is not JSON.
inline bj::value parsed(std::string_view text) {
  boost::system::error_code failure;
  auto value = bj::parse(text, failure);
  return failure ? bj::value{} : value;
}

}  // namespace atelier::chaos
