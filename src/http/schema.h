// JSON Schemas of described structs (Boost.Describe), for the OpenAPI document. `schema_of<T>()`
// returns a function that writes T's schema; it is called when the document is built. A
// boost::json::value is any value. Pure, any thread.
#pragma once

#include <boost/core/type_name.hpp>
#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <boost/mp11.hpp>
#include <concepts>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "json/describe.h"

namespace atelier::http {

// Components of the document by name.
using SchemaBook = std::map<std::string, boost::json::object>;
using Schema = std::function<boost::json::object(SchemaBook&)>;

namespace schema_detail {

// "atelier::http::JobView" → "JobView"
template <class T>
std::string short_name() {
  const std::string full = boost::core::type_name<T>();
  const std::size_t colon = full.rfind(':');
  return colon == std::string::npos ? full : full.substr(colon + 1);
}

template <class T>
boost::json::object write(SchemaBook& book);

template <class T>
void add_members(boost::json::object& properties, SchemaBook& book) {
  using Bases = boost::describe::describe_bases<T, boost::describe::mod_public>;
  using Members = boost::describe::describe_members<T, boost::describe::mod_public>;
  boost::mp11::mp_for_each<Bases>(
      [&]<class D>(D) { add_members<typename D::type>(properties, book); });
  boost::mp11::mp_for_each<Members>([&](auto member) {
    using Member = std::remove_cvref_t<decltype(std::declval<T&>().*member.pointer)>;
    properties[member.name] = write<Member>(book);
  });
}

template <class T>
boost::json::object write_struct(SchemaBook& book) {
  const std::string name = short_name<T>();
  if (!book.contains(name)) {
    book[name] = {};  // a struct may contain itself
    boost::json::object properties;
    add_members<T>(properties, book);
    book[name] = {{"type", "object"}, {"properties", std::move(properties)}};
  }
  return {{"$ref", "#/components/schemas/" + name}};
}

template <class T>
boost::json::object write(SchemaBook& book) {
  if constexpr (json::IsOptional<T>::value) {
    boost::json::object inner = write<typename T::value_type>(book);
    if (const auto* type = inner.if_contains("type"); type != nullptr && type->is_string()) {
      inner["type"] = boost::json::array{*type, "null"};
      return inner;
    }
    return {{"anyOf", boost::json::array{std::move(inner), boost::json::object{{"type", "null"}}}}};
  } else if constexpr (json::IsVector<T>::value) {
    return {{"type", "array"}, {"items", write<typename T::value_type>(book)}};
  } else if constexpr (json::IsMap<T>::value) {
    return {{"type", "object"}, {"additionalProperties", write<typename T::mapped_type>(book)}};
  } else if constexpr (std::same_as<T, boost::json::value>) {
    return {};
  } else if constexpr (std::same_as<T, std::string>) {
    return {{"type", "string"}};
  } else if constexpr (std::same_as<T, bool>) {
    return {{"type", "boolean"}};
  } else if constexpr (std::integral<T>) {
    return {{"type", "integer"}};
  } else if constexpr (std::floating_point<T>) {
    return {{"type", "number"}};
  } else if constexpr (std::is_enum_v<T>) {
    boost::json::array names;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>(
        [&](auto each) { names.emplace_back(json::enum_name(each.name)); });
    return {{"type", "string"}, {"enum", std::move(names)}};
  } else {
    return write_struct<T>(book);
  }
}

}  // namespace schema_detail

template <class T>
Schema schema_of() {
  return [](SchemaBook& book) { return schema_detail::write<T>(book); };
}

}  // namespace atelier::http
