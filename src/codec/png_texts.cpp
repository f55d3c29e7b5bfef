#include "codec/png_texts.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <string>

#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::codec {
namespace {

constexpr std::array<std::uint8_t, 8> kSignature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
constexpr std::size_t kKeyBytesMax = 79;              // PNG specification, 11.3.3.1
constexpr std::size_t kHeaderChunkEnd = 8 + 12 + 13;  // signature and IHDR

std::uint32_t read_u32(std::span<const std::uint8_t> bytes) {
  return std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U |
         std::uint32_t{bytes[2]} << 8U | bytes[3];
}

void append_u32(std::string& out, std::uint32_t value) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>(value >> shift & 0xffU);
}

std::string chunk(const std::string& type, const std::string& data) {
  std::string out;
  append_u32(out, static_cast<std::uint32_t>(data.size()));
  const std::string body = type + data;
  out += body;
  append_u32(out, static_cast<std::uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(body.data()),
                                                     static_cast<uInt>(body.size()))));
  return out;
}

// Inflation is bounded: a small chunk can expand to gigabytes.
std::optional<std::string> inflated(std::string_view packed) {
  z_stream stream{};
  if (::inflateInit(&stream) != Z_OK) return std::nullopt;
  std::string out(kTextBytesMax, '\0');
  // zlib's input is not const for historical reasons; it is only read.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = ::inflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  ::inflateEnd(&stream);
  if (status != Z_STREAM_END) return std::nullopt;
  return out;
}

// Up to the NUL, which is taken away, too; empty when there is none.
std::optional<std::string_view> take_until_nul(std::string_view& rest) {
  const std::size_t end = rest.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return taken;
}

std::optional<TextEntry> read_international(std::string_view key, std::string_view rest) {
  if (rest.size() < 2) return std::nullopt;
  const bool packed = rest[0] == 1;
  rest.remove_prefix(2);
  if (!take_until_nul(rest) || !take_until_nul(rest)) return std::nullopt;  // language, translation
  std::string value(rest);
  if (packed) {
    auto text = inflated(rest);
    if (!text) return std::nullopt;
    value = *std::move(text);
  }
  if (!platform::is_utf8(value)) value = latin1_to_utf8(value);
  return TextEntry{latin1_to_utf8(key), std::move(value)};
}

std::optional<TextEntry> read_text_chunk(std::string_view type, std::string_view data) {
  if (type != "tEXt" && type != "zTXt" && type != "iTXt") return std::nullopt;
  std::string_view rest = data;
  const auto key = take_until_nul(rest);
  if (!key || key->empty() || key->size() > kKeyBytesMax) return std::nullopt;
  if (type == "iTXt") return read_international(*key, rest);
  if (type == "tEXt") return TextEntry{latin1_to_utf8(*key), latin1_to_utf8(rest)};
  if (rest.empty()) return std::nullopt;
  const auto text = inflated(rest.substr(1));
  if (!text) return std::nullopt;
  return TextEntry{latin1_to_utf8(*key), latin1_to_utf8(*text)};
}

std::string checked_key(const std::string& key) {
  const auto latin1 = utf8_to_latin1(key);
  const auto allowed = [](char sign) {
    const auto byte = static_cast<unsigned char>(sign);
    return (byte >= 32 && byte <= 126) || byte >= 161;
  };
  if (!latin1 || latin1->empty() || latin1->size() > kKeyBytesMax ||
      !std::all_of(latin1->begin(), latin1->end(), allowed)) {
    throw Error(
        ErrorCode::kInvalidArgument,
        "'" + key + "' is not a valid keyword of a PNG text: use 1 to 79 printable characters");
  }
  return *latin1;
}

std::string text_chunk(const TextEntry& text) {
  const std::string key = checked_key(text.key);
  std::string value = platform::valid_utf8(text.value);
  std::erase(value, '\0');  // ends a text in every reader
  if (const auto latin1 = utf8_to_latin1(value)) return chunk("tEXt", key + '\0' + *latin1);
  // Not compressed, no language, no translated key.
  return chunk("iTXt", key + std::string(5, '\0') + value);
}

}  // namespace

bool is_png(std::span<const std::uint8_t> file) {
  return file.size() >= kSignature.size() &&
         std::equal(kSignature.begin(), kSignature.end(), file.begin());
}

std::vector<TextEntry> read_png_texts(std::span<const std::uint8_t> file) {
  std::vector<TextEntry> texts;
  if (!is_png(file)) return texts;
  std::size_t total = 0;
  std::size_t at = kSignature.size();
  while (file.size() - at >= 12 && texts.size() < kTextsMax) {
    const std::size_t size = read_u32(file.subspan(at));
    if (size > file.size() - at - 12) break;
    const std::string_view body(reinterpret_cast<const char*>(file.data()) + at + 4, size + 4);
    at += size + 12;
    if (body.starts_with("IEND")) break;
    if (size > kTextBytesMax) continue;
    if (auto entry = read_text_chunk(body.substr(0, 4), body.substr(4))) {
      const std::size_t bytes = entry->key.size() + entry->value.size();
      if (bytes > kTextBytesTotalMax - total) continue;  // a shorter one behind it may fit
      total += bytes;
      texts.push_back(*std::move(entry));
    }
  }
  return texts;
}

std::vector<std::uint8_t> without_compressed_texts(std::span<const std::uint8_t> file) {
  std::vector<std::uint8_t> rest;
  if (!is_png(file)) return rest;
  std::size_t at = kSignature.size(), kept = 0;
  while (file.size() - at >= 12) {
    const std::size_t size = read_u32(file.subspan(at));
    if (size > file.size() - at - 12) break;
    const std::string_view type(reinterpret_cast<const char*>(file.data()) + at + 4, 4);
    const std::size_t end = at + size + 12;
    if (type == "zTXt" || type == "iTXt") {
      rest.insert(rest.end(), file.begin() + static_cast<std::ptrdiff_t>(kept),
                  file.begin() + static_cast<std::ptrdiff_t>(at));
      kept = end;
    }
    at = end;
    if (type == "IEND") break;
  }
  if (kept > 0)
    rest.insert(rest.end(), file.begin() + static_cast<std::ptrdiff_t>(kept), file.end());
  return rest;
}

std::vector<std::uint8_t> with_png_texts(std::span<const std::uint8_t> file,
                                         const std::vector<TextEntry>& texts) {
  std::string chunks;
  for (const TextEntry& text : texts) chunks += text_chunk(text);
  std::vector<std::uint8_t> out;
  out.reserve(file.size() + chunks.size());
  const auto split = file.begin() + kHeaderChunkEnd;
  out.insert(out.end(), file.begin(), split);
  out.insert(out.end(), chunks.begin(), chunks.end());
  out.insert(out.end(), split, file.end());
  return out;
}

}  // namespace atelier::codec
