#include "http/endpoints/picture_field.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "http/base64.h"
#include "platform/ascii.h"
#include "platform/error.h"

namespace atelier::http {
namespace {

constexpr std::string_view kBase64Signs =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlSigns = "-_";  // in place of + and /
constexpr std::string_view kSpace = " \t\r\n\f\v";
constexpr std::size_t kBeginning = 300;  // bytes that are examined to identify the format of a text

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

[[noreturn]] void refuse(std::string_view pointer, const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, std::string{pointer}, why);
}

// "https", "file", "blob": what stands before "://" (before ":" where that is a scheme of pages).
std::string scheme_of(const std::string& beginning) {
  if (beginning.starts_with("blob:")) return "blob";
  const auto mark = beginning.find("://");
  if (mark == std::string::npos || mark == 0 || mark > 10) return "";
  const auto scheme = beginning.substr(0, mark);
  const bool word = std::ranges::all_of(scheme, [](char sign) {
    return (sign >= 'a' && sign <= 'z') || (sign >= '0' && sign <= '9');
  });
  return word ? scheme : "";
}

// The format of a text that is not base64; "" when it is not recognised.
std::string markup_in(const std::string& beginning) {
  if (beginning.starts_with("%pdf-")) return "a PDF document";
  if (beginning.starts_with('{') || beginning.starts_with('[')) return "JSON";
  if (!beginning.starts_with('<')) return "";
  if (beginning.find("<svg") != std::string::npos) return "SVG";
  if (beginning.starts_with("<!doctype html") || beginning.find("<html") != std::string::npos) {
    return "HTML";
  }
  return "XML or HTML";
}

// A picture's bytes themselves, as far as JSON can carry them.
bool holds_raw_bytes(std::string_view text) {
  for (const std::string_view sign :
       {"\xc2\x89PNG", "\xef\xbf\xbdPNG", "\xc3\xbf\xc3\x98\xc3\xbf", "GIF87a", "GIF89a", "RIFF"}) {
    if (text.starts_with(sign)) return true;
  }
  return false;
}

bool is_hexadecimal(const std::string& beginning) {
  const bool picture = std::ranges::any_of(
      std::to_array<std::string_view>({"89504e47", "ffd8ff", "47494638", "52494646"}),
      [&](std::string_view magic) {
        return beginning.starts_with(magic) || beginning.starts_with("0x" + std::string{magic});
      });
  return picture && beginning.find_first_not_of("0123456789abcdefx") == std::string::npos;
}

bool names_a_file(const std::string& beginning) {
  for (const std::string_view ending :
       {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic"}) {
    if (beginning.ends_with(ending)) return true;
  }
  return false;
}

// Counts of the kinds of characters in a base64 text, without spaces.
struct Signs {
  std::size_t standard = 0, url = 0, percent = 0, other = 0, padding = 0;
  std::size_t all() const { return standard + url; }
};

Signs count_signs(std::string_view text) {
  Signs signs;
  for (const char sign : text) {
    if (kBase64Signs.find(sign) != std::string_view::npos) {
      ++signs.standard;
    } else if (kUrlSigns.find(sign) != std::string_view::npos) {
      ++signs.url;
    } else if (sign == '%') {
      ++signs.percent;
    } else if (sign == '=') {
      ++signs.padding;
    } else if (kSpace.find(sign) == std::string_view::npos) {
      ++signs.other;
    }
  }
  return signs;
}

// One spelling for all: the standard alphabet, padded.
std::string ordinary(std::string_view text) {
  std::string dense;
  dense.reserve(text.size() + 2);
  for (const char sign : text) {
    if (kSpace.find(sign) != std::string_view::npos) continue;
    dense += sign == '-' ? '+' : sign == '_' ? '/' : sign;
  }
  if (dense.find('=') == std::string::npos && dense.size() % 4 > 1) {
    dense.append(4 - dense.size() % 4, '=');
  }
  return dense;
}

// Whether the only error are the bits behind the last byte, which an encoder leaves zero.
bool ends_in_stray_bits(std::string_view text) {
  std::string dense = ordinary(text);
  const auto last = dense.find_last_not_of('=');
  if (last == std::string::npos || base64_decode(dense)) return false;
  dense[last] = 'A';  // six zero bits
  return base64_decode(dense).has_value();
}

std::string what_is_wrong_with(std::string_view text) {
  const Signs signs = count_signs(text);
  if (signs.other > 0) {
    return "this is not base64: send a picture's bytes in base64 or as a data URL";
  }
  if (signs.percent > 0) {
    return "this is base64 with percent signs, as in an address: send it without that encoding";
  }
  if (signs.all() % 4 == 1) {
    return "this base64 text was cut off: " + std::to_string(signs.all()) +
           " characters hold no whole number of bytes";
  }
  if (ends_in_stray_bits(text)) {
    return "this base64 text was cut off or changed: its last character has bits that belong to no "
           "byte";
  }
  if (signs.url > 0) {
    return "this is base64url ('-' and '_' in place of '+' and '/'): send ordinary base64";
  }
  if (signs.padding == 0) {
    return "this is base64 without the '=' signs at its end: add them until its length is a "
           "multiple of 4";
  }
  return "this is base64 with '=' signs in the wrong place: they stand at the end alone, at most "
         "two of them";
}

// The part behind the comma of a data URL; the text itself when it is not one.
std::string_view without_data_url(std::string_view text, std::string_view pointer) {
  if (!platform::lower(text.substr(0, 5)).starts_with("data:")) return text;
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos) {
    refuse(pointer, "this data URL has no comma, so nothing follows its type: it was cut off");
  }
  const auto head = platform::lower(text.substr(0, std::min(comma, kBeginning)));
  if (!head.ends_with(";base64")) {
    refuse(pointer, "this data URL has no ';base64,' part: send the picture in base64");
  }
  return text.substr(comma + 1);
}

void refuse_what_is_no_base64(std::string_view text, std::string_view pointer) {
  const auto beginning = platform::lower(text.substr(0, kBeginning));
  if (const auto scheme = scheme_of(beginning); !scheme.empty()) {
    refuse(pointer, "this is an address (" + scheme + (scheme == "blob" ? ":" : "://") +
                        "), and the station fetches nothing from elsewhere: send the picture "
                        "itself as base64 or a data URL");
  }
  if (const auto markup = markup_in(beginning); !markup.empty()) {
    refuse(pointer, "this is " + markup +
                        ", not base64: send a picture's bytes (PNG, JPEG, WebP …) in base64 or as "
                        "a data URL");
  }
  if (holds_raw_bytes(text)) {
    refuse(pointer,
           "these are a picture's raw bytes, which JSON cannot carry: send them in base64");
  }
  if (is_hexadecimal(beginning)) refuse(pointer, "this is hexadecimal: send base64");
  if (text.size() < kBeginning && names_a_file(beginning)) {
    refuse(pointer,
           "this is a file's name, and the station reads no files for clients: send the picture "
           "itself as base64 or a data URL");
  }
}

}  // namespace

std::vector<std::uint8_t> read_picture(std::string_view text, std::string_view pointer,
                                       Base64Rule rule) {
  if (text.empty()) return {};
  text = trim(without_data_url(trim(text), pointer));
  refuse_what_is_no_base64(text, pointer);
  auto bytes = base64_decode(text);
  if (!bytes && rule == Base64Rule::kLoose) bytes = base64_decode(ordinary(text));
  if (!bytes) refuse(pointer, what_is_wrong_with(text));
  if (bytes->empty()) refuse(pointer, "the picture is empty");
  return *std::move(bytes);
}

}  // namespace atelier::http
