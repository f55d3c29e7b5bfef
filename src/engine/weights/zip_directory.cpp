#include "engine/weights/zip_directory.h"

#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::engine {
namespace {

// Record signatures and sizes of APPNOTE.TXT (PKWARE), sections 4.3.7 to 4.3.16.
constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kLocator64Signature = 0x07064b50;
constexpr std::uint64_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22;
constexpr std::uint64_t kEnd64Bytes = 56, kLocator64Bytes = 20;
constexpr std::uint64_t kCommentBytesMax = 65535;
constexpr std::uint32_t kSeeZip64 = 0xffffffff;
constexpr std::uint16_t kZip64ExtraId = 0x0001;
constexpr std::uint16_t kFlagEncrypted = 1;

class DirectoryParser {
 public:
  DirectoryParser(std::span<const std::byte> file, const std::string& where)
      : file_(file), where_(where) {}

  std::vector<ZipMember> parse();

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kCorruptData,
                where_ + ": broken zip archive: " + what + "; download or copy it again");
  }
  // Little-endian; refuses what lies outside of the file.
  std::uint64_t read(std::uint64_t offset, unsigned bytes) const;
  std::uint16_t u16(std::uint64_t offset) const {
    return static_cast<std::uint16_t>(read(offset, 2));
  }
  std::uint32_t u32(std::uint64_t offset) const {
    return static_cast<std::uint32_t>(read(offset, 4));
  }
  std::uint64_t u64(std::uint64_t offset) const { return read(offset, 8); }

  std::uint64_t find_end() const;
  void find_directory();
  ZipMember read_entry(std::uint64_t& position) const;
  void read_zip64_extra(std::uint64_t extra, std::uint64_t length, std::uint64_t& size,
                        std::uint64_t& compressed, std::uint64_t& local) const;

  std::span<const std::byte> file_;
  const std::string& where_;
  std::uint64_t entries_ = 0, directory_ = 0, directory_bytes_ = 0;
};

std::uint64_t DirectoryParser::read(std::uint64_t offset, unsigned bytes) const {
  if (offset > file_.size() || bytes > file_.size() - offset) {
    fail("a record points behind the end of the file (truncated?)");
  }
  std::uint64_t value = 0;
  for (unsigned i = 0; i < bytes; ++i) {
    value |= std::to_integer<std::uint64_t>(file_[offset + i]) << (8 * i);
  }
  return value;
}

// The end record lies before a comment of unknown length.
std::uint64_t DirectoryParser::find_end() const {
  if (file_.size() < kEndBytes) fail("it is too short");
  const std::uint64_t last = file_.size() - kEndBytes;
  const std::uint64_t first = last > kCommentBytesMax ? last - kCommentBytesMax : 0;
  for (std::uint64_t position = last + 1; position-- > first;) {
    if (u32(position) == kEndSignature &&
        position + kEndBytes + u16(position + 20) == file_.size()) {
      return position;
    }
  }
  fail("it has no end record (truncated?)");
}

void DirectoryParser::find_directory() {
  const std::uint64_t end = find_end();
  entries_ = u16(end + 10);
  directory_bytes_ = u32(end + 12);
  directory_ = u32(end + 16);
  const bool has_locator =
      end >= kLocator64Bytes && u32(end - kLocator64Bytes) == kLocator64Signature;
  if (has_locator) {
    const std::uint64_t end64 = u64(end - kLocator64Bytes + 8);
    if (end64 > file_.size() || file_.size() - end64 < kEnd64Bytes ||
        u32(end64) != kEnd64Signature) {
      fail("its zip64 end record is not where it should be");
    }
    entries_ = u64(end64 + 32);
    directory_bytes_ = u64(end64 + 40);
    directory_ = u64(end64 + 48);
  }
  if (directory_ > file_.size() || directory_bytes_ > file_.size() - directory_) {
    fail("its directory lies outside of the file");
  }
  if (entries_ > directory_bytes_ / kCentralBytes) {
    fail("it claims " + std::to_string(entries_) + " members, more than its directory holds");
  }
}

// Only those of the three fields that are saturated in the fixed part are present, in this order.
void DirectoryParser::read_zip64_extra(std::uint64_t extra, std::uint64_t length,
                                       std::uint64_t& size, std::uint64_t& compressed,
                                       std::uint64_t& local) const {
  const std::uint64_t end = extra + length;
  while (end - extra >= 4) {
    const std::uint16_t id = u16(extra);
    const std::uint64_t field_end = extra + 4 + u16(extra + 2);
    if (field_end > end) return;  // padding, not a field; torch writes it only in local headers
    if (id == kZip64ExtraId) {
      std::uint64_t position = extra + 4;
      for (std::uint64_t* value : {&size, &compressed, &local}) {
        if (*value != kSeeZip64) continue;
        if (position + 8 > field_end) fail("a zip64 field is too short");
        *value = u64(position);
        position += 8;
      }
      return;
    }
    extra = field_end;
  }
}

ZipMember DirectoryParser::read_entry(std::uint64_t& position) const {
  const std::uint64_t end = directory_ + directory_bytes_;
  if (end - position < kCentralBytes || u32(position) != kCentralSignature) {
    fail("its directory is damaged");
  }
  const std::uint16_t flags = u16(position + 8), method = u16(position + 10);
  std::uint64_t compressed = u32(position + 20), size = u32(position + 24);
  const std::uint64_t name_bytes = u16(position + 28), extra_bytes = u16(position + 30);
  const std::uint64_t comment_bytes = u16(position + 32);
  std::uint64_t local = u32(position + 42);
  const std::uint64_t name = position + kCentralBytes;
  if (name_bytes + extra_bytes + comment_bytes > end - name) fail("its directory is damaged");
  read_zip64_extra(name + name_bytes, extra_bytes, size, compressed, local);
  position = name + name_bytes + extra_bytes + comment_bytes;

  ZipMember member;
  member.name.assign(reinterpret_cast<const char*>(file_.data()) + name, name_bytes);
  member.size = size;
  member.stored = method == 0 && (flags & kFlagEncrypted) == 0 && compressed == size;
  if (local > file_.size() || file_.size() - local < kLocalBytes || u32(local) != kLocalSignature) {
    fail("member '" + platform::cut(member.name, 200) + "' is not at the offset in the directory");
  }
  member.offset = local + kLocalBytes + u16(local + 26) + u16(local + 28);
  if (member.offset > file_.size() || compressed > file_.size() - member.offset) {
    fail("member '" + platform::cut(member.name, 200) + "' extends beyond the end of the file");
  }
  return member;
}

std::vector<ZipMember> DirectoryParser::parse() {
  find_directory();
  std::vector<ZipMember> members;
  members.reserve(entries_);
  std::uint64_t position = directory_;
  for (std::uint64_t i = 0; i < entries_; ++i) members.push_back(read_entry(position));
  return members;
}

}  // namespace

bool looks_like_zip(std::span<const std::byte> file) {
  return file.size() >= 4 && file[0] == std::byte{'P'} && file[1] == std::byte{'K'} &&
         file[2] == std::byte{3} && file[3] == std::byte{4};
}

std::vector<ZipMember> parse_zip_directory(std::span<const std::byte> file,
                                           const std::string& where) {
  return DirectoryParser(file, where).parse();
}

}  // namespace atelier::engine
