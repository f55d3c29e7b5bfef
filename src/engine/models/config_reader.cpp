#include "engine/models/config_reader.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "platform/error.h"

namespace atelier::engine {
namespace {

// Larger sizes exist in no published model; keeps products of sizes far from overflow.
constexpr std::int64_t kSizeMax = 1 << 24;

}  // namespace

const boost::json::value* ConfigReader::find(std::string_view key) const {
  const boost::json::value* value = json_.if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

void ConfigReader::wrong(std::string_view key, std::string_view expected) const {
  throw Error(ErrorCode::kCorruptData, "config.json of the " + component_ + ": '" +
                                           std::string(key) + "' is " +
                                           boost::json::serialize(*find(key)) + ", expected " +
                                           std::string(expected) + ": repair or re-download it");
}

void ConfigReader::unsupported(std::string_view key) const {
  throw Error(ErrorCode::kUnsupported, "config.json of the " + component_ + " has the option '" +
                                           std::string(key) +
                                           "': " + boost::json::serialize(*find(key)) +
                                           ", which this version cannot run: choose another model");
}

std::int64_t ConfigReader::count_in(const boost::json::value& value, std::string_view key) const {
  if (value.is_int64() && value.get_int64() > 0 && value.get_int64() <= kSizeMax) {
    return value.get_int64();
  }
  wrong(key, "positive whole numbers");
}

bool ConfigReader::has(std::string_view key) const { return find(key) != nullptr; }

std::int64_t ConfigReader::integer(std::string_view key, std::int64_t absent) const {
  const boost::json::value* value = find(key);
  return value == nullptr ? absent : count_in(*value, key);
}

double ConfigReader::number(std::string_view key, double absent) const {
  const boost::json::value* value = find(key);
  if (value == nullptr) return absent;
  if (!value->is_number()) wrong(key, "a number");
  return value->to_number<double>();
}

bool ConfigReader::boolean(std::string_view key, bool absent) const {
  const boost::json::value* value = find(key);
  if (value == nullptr) return absent;
  if (!value->is_bool()) wrong(key, "true or false");
  return value->get_bool();
}

std::string ConfigReader::text(std::string_view key, std::string_view absent) const {
  const boost::json::value* value = find(key);
  if (value == nullptr) return std::string(absent);
  if (!value->is_string()) wrong(key, "a string");
  return std::string(value->get_string());
}

std::vector<std::int64_t> ConfigReader::integers(std::string_view key,
                                                 std::vector<std::int64_t> absent) const {
  const boost::json::value* value = find(key);
  if (value == nullptr) return absent;
  if (!value->is_array() || value->get_array().empty()) wrong(key, "a list of numbers");
  std::vector<std::int64_t> list;
  for (const boost::json::value& item : value->get_array()) list.push_back(count_in(item, key));
  return list;
}

std::vector<std::string> ConfigReader::texts(std::string_view key,
                                             std::vector<std::string> absent) const {
  const boost::json::value* value = find(key);
  if (value == nullptr) return absent;
  if (!value->is_array()) wrong(key, "a list of strings");
  std::vector<std::string> list;
  for (const boost::json::value& item : value->get_array()) {
    if (!item.is_string()) wrong(key, "a list of strings");
    list.emplace_back(item.get_string());
  }
  return list;
}

std::vector<std::int64_t> ConfigReader::per_block(std::string_view key, std::size_t count,
                                                  std::int64_t absent) const {
  const boost::json::value* value = find(key);
  if (value == nullptr || !value->is_array()) {
    return std::vector<std::int64_t>(count, integer(key, absent));
  }
  std::vector<std::int64_t> list = integers(key, {});
  if (list.size() != count) wrong(key, "one number per block");
  return list;
}

void ConfigReader::only(std::string_view key,
                        std::initializer_list<std::string_view> values) const {
  const boost::json::value* value = find(key);
  if (value == nullptr) return;
  const std::string found = boost::json::serialize(*value);
  if (std::find(values.begin(), values.end(), found) == values.end()) unsupported(key);
}

}  // namespace atelier::engine
