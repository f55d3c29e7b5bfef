// A seed as a person or a client writes it in a text. Seeds are unsigned 64-bit numbers, which
// JavaScript's numbers cannot hold: each `seed` of the API has a `seed_text` beside it. Pure, any
// thread.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace atelier::card {

// Which negative numbers mean "any seed": -1 alone, or (legacy clients) all.
enum class NegativeSeeds { kMinusOneIsAny, kAllAreAny };

struct SeedText {
  std::optional<std::uint64_t> seed;  // absent: any
};

// "": any. nullopt: not a seed.
inline std::optional<SeedText> read_seed(std::string_view text, NegativeSeeds negative) {
  if (text.empty() || text == "-1") return SeedText{};
  const bool below = text.front() == '-';
  const std::string_view digits = text.substr(below ? 1 : 0);
  const bool whole =
      !digits.empty() && std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  if (!whole) return std::nullopt;
  if (below) {
    return negative == NegativeSeeds::kAllAreAny ? std::optional{SeedText{}} : std::nullopt;
  }
  std::uint64_t seed = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), seed);
  if (read.ec != std::errc{}) return std::nullopt;  // more than 64 bits
  return SeedText{seed};
}

// The accepted values, for error sentences.
inline std::string seed_range(NegativeSeeds negative) {
  return std::string{"use a whole number from 0 to 18446744073709551615, or "} +
         (negative == NegativeSeeds::kAllAreAny ? "a negative one" : "-1") + " for any";
}

}  // namespace atelier::card
