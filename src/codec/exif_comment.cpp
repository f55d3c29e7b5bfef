#include "codec/exif_comment.h"

#include "codec/texts.h"
#include "platform/utf8.h"

namespace atelier::codec {
namespace {

constexpr std::string_view kMark{"Exif\0\0", 6};
constexpr std::string_view kUnicode{"UNICODE\0", 8};
constexpr std::string_view kAscii{"ASCII\0\0\0", 8};
constexpr std::uint16_t kExifFolder = 0x8769;
constexpr std::uint16_t kUserComment = 0x9286;
constexpr std::uint16_t kTypeLong = 4;
constexpr std::uint16_t kTypeUndefined = 7;
constexpr std::size_t kSegmentMax = 65'000;
constexpr std::size_t kEntryBytes = 12;

void put(std::string& out, std::uint32_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) {
    out += static_cast<char>(value >> static_cast<unsigned>(8 * i) & 0xffU);
  }
}

void put_entry(std::string& out, std::uint16_t tag, std::uint16_t type, std::uint32_t count,
               std::uint32_t value) {
  put(out, tag, 2);
  put(out, type, 2);
  put(out, count, 4);
  put(out, value, 4);
}

// A TIFF block; every read is checked against its end.
class Tiff {
 public:
  static std::optional<Tiff> open(std::string_view bytes) {
    if (bytes.starts_with(kMark)) bytes.remove_prefix(kMark.size());
    if (bytes.size() < 8 || (!bytes.starts_with("MM") && !bytes.starts_with("II"))) return {};
    return Tiff(bytes, bytes[0] == 'M');
  }

  std::optional<std::uint32_t> number(std::size_t at, std::size_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t place = big_endian_ ? at + i : at + size - 1 - i;
      value = value << 8U | static_cast<unsigned char>(bytes_[place]);
    }
    return value;
  }

  // Where the entry of `tag` in the folder at `folder` begins.
  std::optional<std::size_t> find(std::size_t folder, std::uint16_t tag) const {
    const auto count = number(folder, 2);
    for (std::uint32_t i = 0; count && i < *count; ++i) {
      const std::size_t entry = folder + 2 + i * kEntryBytes;
      const auto found = number(entry, 2);
      if (!found) break;
      if (*found == tag) return entry;
    }
    return std::nullopt;
  }

  std::optional<std::string_view> data(std::size_t entry) const {
    const auto count = number(entry + 4, 4);
    const auto offset = number(entry + 8, 4);
    if (!count || !offset || *count <= 4) return std::nullopt;
    if (*offset > bytes_.size() || *count > bytes_.size() - *offset) return std::nullopt;
    return bytes_.substr(*offset, *count);
  }

  bool big_endian() const { return big_endian_; }

 private:
  Tiff(std::string_view bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}
  std::string_view bytes_;
  bool big_endian_;
};

}  // namespace

std::optional<std::vector<std::uint8_t>> make_exif_comment(std::string_view text) {
  const std::string comment = std::string(kUnicode) + utf8_to_utf16be(text);
  if (comment.size() > kSegmentMax) return std::nullopt;
  constexpr std::uint32_t kFirstFolder = 8;
  constexpr std::uint32_t kSecondFolder = kFirstFolder + 2 + kEntryBytes + 4;
  constexpr std::uint32_t kComment = kSecondFolder + 2 + kEntryBytes + 4;
  std::string out(kMark);
  out += "MM";
  put(out, 42, 2);
  put(out, kFirstFolder, 4);
  put(out, 1, 2);
  put_entry(out, kExifFolder, kTypeLong, 1, kSecondFolder);
  put(out, 0, 4);
  put(out, 1, 2);
  put_entry(out, kUserComment, kTypeUndefined, static_cast<std::uint32_t>(comment.size()),
            kComment);
  put(out, 0, 4);
  out += comment;
  return std::vector<std::uint8_t>(out.begin(), out.end());
}

std::optional<std::string> read_exif_comment(std::span<const std::uint8_t> exif) {
  const auto tiff = Tiff::open({reinterpret_cast<const char*>(exif.data()), exif.size()});
  if (!tiff) return std::nullopt;
  const auto folder = tiff->number(4, 4);
  const auto pointer = folder ? tiff->find(*folder, kExifFolder) : std::nullopt;
  const auto exif_folder = pointer ? tiff->number(*pointer + 8, 4) : std::nullopt;
  const auto entry = exif_folder ? tiff->find(*exif_folder, kUserComment) : std::nullopt;
  auto data = entry ? tiff->data(*entry) : std::nullopt;
  if (!data || data->size() < kUnicode.size() || data->size() > kTextBytesMax) return std::nullopt;
  const std::string_view text = data->substr(kUnicode.size());
  if (data->starts_with(kUnicode)) {
    // Some writers use the block's byte order, the common ones big endian: a text of Latin letters
    // shows which, because half of its bytes are zero.
    const bool zero_first = text.size() >= 2 && text[0] == '\0';
    const bool zero_second = text.size() >= 2 && text[1] == '\0';
    return utf16_to_utf8(text, zero_first || (!zero_second && tiff->big_endian()));
  }
  if (!data->starts_with(kAscii) && data->substr(0, 8) != std::string_view("\0\0\0\0\0\0\0\0", 8)) {
    return std::nullopt;
  }
  return platform::is_utf8(text) ? std::string(text) : latin1_to_utf8(text);
}

}  // namespace atelier::codec
