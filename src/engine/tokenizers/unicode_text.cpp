#include "engine/tokenizers/unicode_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <utility>

namespace atelier::engine {
namespace {

struct CodePointRange {
  char32_t first, last;
};
struct CaseEntry {
  char32_t upper, lower[2];
  constexpr CaseEntry(char32_t from, char32_t to, char32_t second)
      : upper(from), lower{to, second} {}
};
struct Decomposition {
  char32_t composed, parts[4];
  constexpr Decomposition(char32_t from, char32_t a, char32_t b, char32_t c, char32_t d)
      : composed(from), parts{a, b, c, d} {}
};
struct Composition {
  char32_t first, second, composed;
};
struct CombiningRange {
  char32_t first, last;
  std::uint8_t combining_class;
};

#include "engine/tokenizers/unicode_tables.inc"

// Hangul syllables are composed by arithmetic (Unicode standard, section 3.12).
constexpr char32_t kHangulFirst = 0xac00, kLeadFirst = 0x1100, kVowelFirst = 0x1161;
constexpr char32_t kTailFirst = 0x11a7;  // stands for "no tail"
constexpr char32_t kLeads = 19, kVowels = 21, kTails = 28, kSyllables = kLeads * kVowels * kTails;

constexpr char32_t kReplacement = 0xfffd;

template <typename Range>
const Range* find_range(std::span<const Range> ranges, char32_t c) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), c,
                                      [](char32_t a, const Range& b) { return a < b.first; });
  if (after == ranges.begin()) return nullptr;
  const Range& range = *std::prev(after);
  return c <= range.last ? &range : nullptr;
}

unsigned combining_class(char32_t c) {
  const auto* range = find_range(std::span<const CombiningRange>(kCombiningClasses), c);
  return range == nullptr ? 0 : range->combining_class;
}

void append_decomposed(std::u32string& text, char32_t c) {
  if (c >= kHangulFirst && c < kHangulFirst + kSyllables) {
    const char32_t index = c - kHangulFirst;
    text.push_back(kLeadFirst + index / (kVowels * kTails));
    text.push_back(kVowelFirst + index % (kVowels * kTails) / kTails);
    if (index % kTails != 0) text.push_back(kTailFirst + index % kTails);
    return;
  }
  const auto* found =
      std::lower_bound(std::begin(kDecompositions), std::end(kDecompositions), c,
                       [](const Decomposition& a, char32_t b) { return a.composed < b; });
  if (found == std::end(kDecompositions) || found->composed != c) {
    text += c;
    return;
  }
  for (const char32_t part : found->parts) {
    if (part != 0) text += part;
  }
}

// 0: the two do not compose.
char32_t compose(char32_t first, char32_t second) {
  if (first >= kLeadFirst && first < kLeadFirst + kLeads && second >= kVowelFirst &&
      second < kVowelFirst + kVowels) {
    return kHangulFirst + ((first - kLeadFirst) * kVowels + (second - kVowelFirst)) * kTails;
  }
  if (first >= kHangulFirst && first < kHangulFirst + kSyllables &&
      (first - kHangulFirst) % kTails == 0 && second > kTailFirst && second < kTailFirst + kTails) {
    return first + (second - kTailFirst);
  }
  const auto key = std::pair(first, second);
  const auto* found =
      std::lower_bound(std::begin(kCompositions), std::end(kCompositions), key,
                       [](const Composition& a, const std::pair<char32_t, char32_t>& b) {
                         return std::pair(a.first, a.second) < b;
                       });
  const bool is_found =
      found != std::end(kCompositions) && found->first == first && found->second == second;
  return is_found ? found->composed : 0;
}

// Each run of marks is put into the order of their classes.
void order_marks(std::u32string& text) {
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && combining_class(text[end]) != 0) ++end;
    std::stable_sort(text.begin() + static_cast<std::ptrdiff_t>(i),
                     text.begin() + static_cast<std::ptrdiff_t>(end), [](char32_t a, char32_t b) {
                       return combining_class(a) < combining_class(b);
                     });
    i = end + 1;
  }
}

// Length of the sequence that a lead byte begins; 0: it begins none.
std::size_t sequence_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  if (lead >= 0xf0 && lead < 0xf5) return 4;
  return 0;
}

}  // namespace

std::u32string decode_utf8(std::string_view text) {
  std::u32string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = sequence_length(lead);
    char32_t c = length == 1 ? lead : lead & (0x7fu >> length);
    std::size_t read = 1;
    while (read < length && i + read < text.size() &&
           (static_cast<unsigned char>(text[i + read]) & 0xc0) == 0x80) {
      c = (c << 6) | (static_cast<unsigned char>(text[i + read]) & 0x3f);
      ++read;
    }
    const bool short_form = (length == 3 && c < 0x800) || (length == 4 && c < 0x10000);
    const bool surrogate = c >= 0xd800 && c < 0xe000;
    const bool valid = length != 0 && read == length && !short_form && !surrogate && c < 0x110000;
    result += valid ? c : kReplacement;
    i += length == 0 ? 1 : read;
  }
  return result;
}

std::u32string normalize_nfc(const std::u32string& text) {
  std::u32string decomposed;
  decomposed.reserve(text.size());
  for (const char32_t c : text) append_decomposed(decomposed, c);
  order_marks(decomposed);

  std::u32string result;
  std::size_t starter = std::u32string::npos;  // place of the last starter in `result`
  unsigned last_class = 0;                     // of what follows it
  for (const char32_t c : decomposed) {
    const unsigned c_class = combining_class(c);
    const bool adjacent = starter != std::u32string::npos && starter + 1 == result.size();
    const bool blocked = !adjacent && last_class >= c_class;
    if (starter != std::u32string::npos && !blocked) {
      if (const char32_t composed = compose(result[starter], c)) {
        result[starter] = composed;
        continue;
      }
    }
    if (c_class == 0) starter = result.size();
    last_class = c_class;
    result += c;
  }
  return result;
}

std::u32string to_lower(const std::u32string& text) {
  std::u32string result;
  result.reserve(text.size());
  for (const char32_t c : text) {
    const auto* found =
        std::lower_bound(std::begin(kLowerCase), std::end(kLowerCase), c,
                         [](const CaseEntry& a, char32_t b) { return a.upper < b; });
    if (found == std::end(kLowerCase) || found->upper != c) {
      result += c;
      continue;
    }
    result += found->lower[0];
    if (found->lower[1] != 0) result += found->lower[1];
  }
  return result;
}

bool is_letter(char32_t c) {
  return find_range(std::span<const CodePointRange>(kLetters), c) != nullptr;
}
bool is_number(char32_t c) {
  return find_range(std::span<const CodePointRange>(kNumbers), c) != nullptr;
}
bool is_space(char32_t c) {
  return find_range(std::span<const CodePointRange>(kSpaces), c) != nullptr;
}

}  // namespace atelier::engine
