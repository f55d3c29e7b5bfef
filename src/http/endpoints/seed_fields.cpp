#include "http/endpoints/seed_fields.h"

#include <cmath>
#include <optional>
#include <string_view>

#include "json/describe.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::http {
namespace {

namespace bj = boost::json;
using card::NegativeSeeds;

constexpr std::size_t kShownMax = 40;  // bytes of what was sent

const bj::value* given(const bj::object& fields, std::string_view name) {
  const auto* value = fields.if_contains(name);
  return value != nullptr && !value->is_null() ? value : nullptr;
}

[[noreturn]] void refuse(const std::string& pointer, const std::string& shown,
                         NegativeSeeds negative) {
  throw Error(ErrorCode::kInvalidArgument, pointer,
              "invalid seed " + shown + ": " + card::seed_range(negative));
}

std::string shown(const bj::value& number) {
  std::string text;
  json::append_value(text, number);
  return text;
}

card::SeedText read_text(const bj::value& text, const std::string& pointer,
                         NegativeSeeds negative) {
  if (!text.is_string()) json::refuse(pointer, "expected a text");
  const std::string_view sent = text.get_string();
  const auto read = card::read_seed(sent, negative);
  if (!read) refuse(pointer, "'" + platform::cut(sent, kShownMax) + "'", negative);
  return *read;
}

// Whether the number equals the text's seed when both are rounded to a double.
bool agree(const bj::value& number, const card::SeedText& text) {
  if (!number.is_number()) return true;
  const auto value = number.to_number<double>();
  return text.seed ? value == static_cast<double>(*text.seed) : value < 0;
}

bool means_any(const bj::value& number, NegativeSeeds negative) {
  const auto value = number.to_number<double>();
  if (negative == NegativeSeeds::kMinusOneIsAny) return value == -1;
  return value < 0 && value == std::floor(value);
}

// A fraction is left to reading, which has a sentence for it.
bool is_seed(const bj::value& number) {
  if (number.is_double()) return number.get_double() >= 0 && number.get_double() < 0x1p64;
  return !number.is_int64() || number.get_int64() >= 0;
}

}  // namespace

void settle_seed(bj::object& fields, const std::string& place, NegativeSeeds negative) {
  const auto* number = given(fields, "seed");
  const auto* text = given(fields, "seed_text");
  if (text != nullptr && text->is_string() && text->get_string().empty()) text = nullptr;
  if (text != nullptr) {
    const auto read = read_text(*text, place + "/seed_text", negative);
    if (number != nullptr && !agree(*number, read)) {
      throw Error(ErrorCode::kInvalidArgument, place + "/seed_text",
                  "it differs from seed, which is " + shown(*number) + ": send one of them");
    }
    const auto seed = read.seed ? bj::value(*read.seed) : bj::value(nullptr);
    fields["seed"] = seed;
    return;
  }
  if (number == nullptr || !number->is_number()) return;  // other types are refused by the reader
  if (means_any(*number, negative)) {
    fields["seed"] = nullptr;
  } else if (!is_seed(*number)) {
    refuse(place + "/seed", shown(*number), negative);
  }
}

}  // namespace atelier::http
