// A colour and the texts that name it. Pure, any thread; a text that names none is nullopt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace atelier::media {

struct Colour {
  std::uint8_t red = 0, green = 0, blue = 0;
  bool operator==(const Colour&) const = default;
};

inline constexpr Colour kBlack{0, 0, 0};
inline constexpr Colour kWhite{255, 255, 255};

// "#rrggbb" in either case, or "white", "black", "grey", "gray".
std::optional<Colour> colour_from_text(std::string_view text);
std::string text_of(Colour colour);  // "#rrggbb"

}  // namespace atelier::media
