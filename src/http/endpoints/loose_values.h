// Values in quotes, as legacy clients send them, where only one meaning is possible. Pure, any
// thread; nothing is refused here.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "json/describe.h"

namespace atelier::http {

// "20" → 20, "7.5" → 7.5, "" → null (an empty field of a form); other texts stay as they are, for
// reading to refuse.
void read_number_in_text(boost::json::value& value);
// "true" → true, "False" → false, "" → null.
void read_flag_in_text(boost::json::value& value);

namespace loose_detail {

template <class T>
struct Plain {
  using Type = T;
};
template <class T>
struct Plain<std::optional<T>> {
  using Type = T;
};

}  // namespace loose_detail

// The same for each member of T that is a number or a flag.
template <json::Described T>
void read_values_in_texts(boost::json::object& fields) {
  boost::mp11::mp_for_each<json::MembersOf<T>>([&](auto member) {
    using Member = std::remove_cvref_t<decltype(std::declval<T&>().*member.pointer)>;
    using Type = typename loose_detail::Plain<Member>::Type;
    auto* value = fields.if_contains(member.name);
    if (value == nullptr) return;
    if constexpr (std::is_same_v<Type, bool>) {
      read_flag_in_text(*value);
    } else if constexpr (std::is_arithmetic_v<Type>) {
      read_number_in_text(*value);
    }
  });
}

}  // namespace atelier::http
