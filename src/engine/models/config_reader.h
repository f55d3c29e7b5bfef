// Reads a component's config.json as the reference's classes do: a missing or null key is the class
// default; a value of the wrong kind throws kCorruptData naming the key; an option that our network
// does not have throws kUnsupported naming the key and the value. Used by the model files while a
// model is loaded.
#pragma once

#include <boost/json/object.hpp>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::engine {

class ConfigReader {
 public:
  // `component` is for sentences: "unet".
  ConfigReader(const boost::json::object& json, std::string component)
      : json_(json), component_(std::move(component)) {}

  bool has(std::string_view key) const;
  std::int64_t integer(std::string_view key, std::int64_t absent) const;  // > 0
  double number(std::string_view key, double absent) const;
  bool boolean(std::string_view key, bool absent) const;
  std::string text(std::string_view key, std::string_view absent) const;
  std::vector<std::int64_t> integers(std::string_view key, std::vector<std::int64_t> absent) const;
  std::vector<std::string> texts(std::string_view key, std::vector<std::string> absent) const;
  // One number for all `count` places, or a list of that many.
  std::vector<std::int64_t> per_block(std::string_view key, std::size_t count,
                                      std::int64_t absent) const;
  // Absent, null, or equal to one of the values (as JSON text) is fine.
  void only(std::string_view key, std::initializer_list<std::string_view> values) const;
  [[noreturn]] void unsupported(std::string_view key) const;

 private:
  const boost::json::value* find(std::string_view key) const;
  std::int64_t count_in(const boost::json::value& value, std::string_view key) const;
  [[noreturn]] void wrong(std::string_view key, std::string_view expected) const;

  const boost::json::object& json_;
  std::string component_;
};

}  // namespace atelier::engine
