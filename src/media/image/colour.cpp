#include "media/image/colour.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <utility>

namespace atelier::media {
namespace {

constexpr Colour kGrey{128, 128, 128};
constexpr std::array<std::pair<std::string_view, Colour>, 4> kNames{
    {{"white", kWhite}, {"black", kBlack}, {"grey", kGrey}, {"gray", kGrey}}};

}  // namespace

std::optional<Colour> colour_from_text(std::string_view text) {
  for (const auto& [name, colour] : kNames) {
    if (text == name) return colour;
  }
  if (text.size() != 7 || text.front() != '#') return std::nullopt;
  std::array<std::uint8_t, 3> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const char* digits = text.data() + 1 + 2 * i;
    const auto [end, problem] = std::from_chars(digits, digits + 2, parts[i], 16);
    if (problem != std::errc{} || end != digits + 2) return std::nullopt;
  }
  return Colour{parts[0], parts[1], parts[2]};
}

std::string text_of(Colour colour) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "#";
  for (const unsigned part : {colour.red, colour.green, colour.blue}) {
    text += kDigits[part >> 4U];
    text += kDigits[part & 15U];
  }
  return text;
}

}  // namespace atelier::media
