// JSON to and from plain structs that are described with BOOST_DESCRIBE_STRUCT. The one reader and
// writer of the project's edges (HTTP, protocol, storage, settings of models). Any thread.
//  - A missing member keeps its default; an optional that is missing or null stays empty.
//  - Unknown keys are ignored and listed in the report as JSON pointers.
//  - Anything else wrong throws kInvalidArgument with the JSON pointer of the place.
//  - Numbers must be finite; an integer may be written 1.0, not 1.5.
//  - Described enums are written by name: kLowVram as "low_vram".
//  - Texts are written as valid UTF-8: invalid bytes become U+FFFD, so the output can
//    always be read again.
//  - Doubles are written with the fewest digits that read back to the same value.
#pragma once

#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <boost/mp11.hpp>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "platform/error.h"

namespace atelier::json {

struct ReadReport {
  std::vector<std::string> unknown;  // JSON pointers of unknown keys
};

// Deepest nesting that is read; more is refused before it can exhaust the stack.
inline constexpr std::size_t kDepthMax = 32;

// Throws kInvalidArgument: "this is not JSON: … at byte 17".
boost::json::value parse(std::string_view text);

// "kLowVram" -> "low_vram"
std::string enum_name(std::string_view enumerator);
// a/b and ~ escaped as RFC 6901 requires.
std::string pointer_to(const std::string& parent, std::string_view key);
[[noreturn]] void refuse(const std::string& pointer, const std::string& what);

void append_string(std::string& out, std::string_view text);
void append_number(std::string& out, double value);  // null when not finite
void append_value(std::string& out, const boost::json::value& value);

template <class T>
concept Described = boost::describe::has_describe_members<T>::value && std::is_class_v<T>;
template <class T>
concept DescribedEnum = std::is_enum_v<T> && boost::describe::has_describe_enumerators<T>::value;

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsMap : std::false_type {};
template <class T>
struct IsMap<std::map<std::string, T>> : std::true_type {};

template <class T>
using MembersOf = boost::describe::describe_members<T, boost::describe::mod_public |
                                                           boost::describe::mod_inherited>;

// The keys that reading a T knows.
template <Described T>
std::vector<std::string> member_names() {
  std::vector<std::string> names;
  boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) { names.emplace_back(member.name); });
  return names;
}

template <class T>
void read_value(const boost::json::value& from, T& to, const std::string& pointer,
                ReadReport* report);

template <std::integral T>
T read_integer(const boost::json::value& from, const std::string& pointer) {
  if (from.is_int64() && std::in_range<T>(from.get_int64()))
    return static_cast<T>(from.get_int64());
  if (from.is_uint64() && std::in_range<T>(from.get_uint64())) {
    return static_cast<T>(from.get_uint64());
  }
  if (from.is_double()) {
    const double value = from.get_double();
    constexpr double kExact = 9007199254740992.0;  // 2^53: larger doubles are not exact integers
    if (value == std::floor(value) && std::abs(value) <= kExact &&
        std::in_range<T>(static_cast<std::int64_t>(value))) {
      return static_cast<T>(value);
    }
  }
  refuse(pointer,
         from.is_number() ? "this must be a whole number in range" : "expected a whole number");
}

template <DescribedEnum T>
T read_enum(const boost::json::value& from, const std::string& pointer) {
  if (!from.is_string()) refuse(pointer, "expected a name");
  const std::string_view text = from.get_string();
  std::optional<T> found;
  std::string known;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto enumerator) {
    const std::string name = enum_name(enumerator.name);
    if (name == text) found = enumerator.value;
    known += (known.empty() ? "" : ", ") + name;
  });
  if (!found) refuse(pointer, "'" + std::string(text) + "' is not one of " + known);
  return *found;
}

template <Described T>
void read_struct(const boost::json::value& from, T& to, const std::string& pointer,
                 ReadReport* report) {
  if (!from.is_object()) refuse(pointer, "expected an object");
  const boost::json::object& object = from.get_object();
  boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) {
    const boost::json::value* value = object.if_contains(member.name);
    // null means "not given" for every member, as clients write it.
    if (value && !value->is_null()) {
      read_value(*value, to.*member.pointer, pointer_to(pointer, member.name), report);
    }
  });
  if (!report) return;
  for (const auto& [key, unused] : object) {
    bool known = false;
    boost::mp11::mp_for_each<MembersOf<T>>(
        [&](auto member) { known = known || key == member.name; });
    if (!known) report->unknown.push_back(pointer_to(pointer, key));
  }
}

template <class T>
void read_value(const boost::json::value& from, T& to, const std::string& pointer,
                ReadReport* report) {
  if constexpr (std::is_same_v<T, boost::json::value>) {
    to = from;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!from.is_bool()) refuse(pointer, "expected true or false");
    to = from.get_bool();
  } else if constexpr (std::is_integral_v<T>) {
    to = read_integer<T>(from, pointer);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!from.is_number()) refuse(pointer, "expected a number");
    to = from.to_number<T>();
    if (!std::isfinite(to)) refuse(pointer, "expected a finite number");
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!from.is_string()) refuse(pointer, "expected a text");
    to.assign(from.get_string().begin(), from.get_string().end());
  } else if constexpr (IsOptional<T>::value) {
    if (!from.is_null()) read_value(from, to.emplace(), pointer, report);
  } else if constexpr (IsVector<T>::value) {
    if (!from.is_array()) refuse(pointer, "expected a list");
    to.clear();
    for (const boost::json::value& item : from.get_array()) {
      typename T::value_type element{};
      read_value(item, element, pointer_to(pointer, std::to_string(to.size())), report);
      to.push_back(std::move(element));
    }
  } else if constexpr (IsMap<T>::value) {
    if (!from.is_object()) refuse(pointer, "expected an object");
    for (const auto& [key, item] : from.get_object()) {
      read_value(item, to[std::string(key)], pointer_to(pointer, key), report);
    }
  } else if constexpr (std::is_enum_v<T>) {
    to = read_enum<T>(from, pointer);
  } else {
    read_struct(from, to, pointer, report);
  }
}

template <class T>
T read_json(std::string_view text, ReadReport* report = nullptr) {
  T result{};
  read_value(parse(text), result, "", report);
  return result;
}

template <class T>
void append_json(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, boost::json::value>) {
    append_value(out, value);
  } else if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_integral_v<T>) {
    out += std::to_string(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    append_number(out, static_cast<double>(value));
  } else if constexpr (std::is_convertible_v<T, std::string_view>) {
    append_string(out, value);
  } else if constexpr (IsOptional<T>::value) {
    value ? append_json(out, *value) : static_cast<void>(out += "null");
  } else if constexpr (IsVector<T>::value) {
    out += '[';
    bool first = true;
    for (const auto& item : value) {
      if (!first) out += ',';
      first = false;
      append_json(out, static_cast<const typename T::value_type&>(item));
    }
    out += ']';
  } else if constexpr (IsMap<T>::value) {
    out += '{';
    bool first = true;
    for (const auto& [key, item] : value) {
      if (!first) out += ',';
      first = false;
      append_string(out, key);
      out += ':';
      append_json(out, item);
    }
    out += '}';
  } else if constexpr (std::is_enum_v<T>) {
    append_string(out, enum_name(boost::describe::enum_to_string(value, "unknown")));
  } else {
    out += '{';
    bool first = true;
    boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) {
      if (!first) out += ',';
      first = false;
      append_string(out, member.name);
      out += ':';
      append_json(out, value.*member.pointer);
    });
    out += '}';
  }
}

template <class T>
std::string write_json(const T& value) {
  std::string out;
  append_json(out, value);
  return out;
}

}  // namespace atelier::json
