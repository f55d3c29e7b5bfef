#include "codec/foreign_format.h"

#include <algorithm>
#include <string>

#include "platform/ascii.h"

namespace atelier::codec {
namespace {

constexpr std::size_t kBeginning = 512;  // bytes that are examined

struct Magic {
  std::string_view bytes;
  std::size_t offset;
  std::string_view name;
};

using namespace std::string_view_literals;

constexpr Magic kMagics[] = {
    {"\x1f\x8b"sv, 0, "gzip"},
    {"PK\x03\x04"sv, 0, "a ZIP archive"},
    {"PK\x05\x06"sv, 0, "a ZIP archive"},
    {"7z\xbc\xaf\x27\x1c"sv, 0, "a 7z archive"},
    {"Rar!\x1a\x07"sv, 0, "a RAR archive"},
    {"\x28\xb5\x2f\xfd"sv, 0, "zstd"},
    {"\xfd"
     "7zXZ\0"sv,
     0, "xz"},
    {"BZh"sv, 0, "bzip2"},
    {"ustar"sv, 257, "a tar archive"},
    {"%PDF-"sv, 0, "a PDF document"},
    {"%!PS"sv, 0, "PostScript"},
    {"8BPS"sv, 0, "a Photoshop file"},
    {"gimp xcf"sv, 0, "a GIMP file"},
    {"BM"sv, 0, "a BMP file"},
    {"\0\0\1\0"sv, 0, "an ICO file"},
    {"qoif"sv, 0, "a QOI file"},
    {"DDS "sv, 0, "a DDS file"},
    {"\x76\x2f\x31\x01"sv, 0, "an OpenEXR file"},
    {"#?RADIANCE"sv, 0, "a Radiance HDR file"},
    {"\xff\x0a"sv, 0, "a JPEG XL file"},
    {"\0\0\0\x0cJXL "sv, 0, "a JPEG XL file"},
    {"\0\0\0\x0cjP  "sv, 0, "a JPEG 2000 file"},
    {"\xff\x4f\xff\x51"sv, 0, "a JPEG 2000 file"},
    {"ftyp"sv, 4, "a video"},
    {"\x1a\x45\xdf\xa3"sv, 0, "a video"},
    {"glTF"sv, 0, "a GLB mesh"},
    {"OggS"sv, 0, "a sound"},
    {"ID3"sv, 0, "a sound"},
    {"fLaC"sv, 0, "a sound"},
    {"\x7f"
     "ELF"sv,
     0, "a program"},
    {"data:image/"sv, 0, "a data URL that was encoded twice"},
    {"iVBORw0KGgo"sv, 0, "base64 that was encoded twice"},
    {"/9j/"sv, 0, "base64 that was encoded twice"},
    {"http://"sv, 0, "an address"},
    {"https://"sv, 0, "an address"},
};

// HEIF and AVIF share their container with videos.
bool is_still_picture(std::string_view brand) {
  constexpr std::string_view kBrands[] = {"avif", "avis", "heic", "heix", "heim",
                                          "heis", "hevc", "mif1", "msf1"};
  return std::ranges::find(kBrands, brand) != std::end(kBrands);
}

std::string_view magic_of(std::string_view file) {
  const auto matches = [file](const Magic& magic) {
    if (file.size() < magic.offset + magic.bytes.size() ||
        file.substr(magic.offset, magic.bytes.size()) != magic.bytes) {
      return false;
    }
    if (magic.bytes == "BM") return file.size() > 10 && file.substr(6, 4) == "\0\0\0\0"sv;
    return magic.bytes != "ftyp" || !is_still_picture(file.substr(8, 4));
  };
  const auto* found = std::ranges::find_if(kMagics, matches);
  return found == std::end(kMagics) ? std::string_view{} : found->name;
}

std::string_view text_format_of(std::string_view file) {
  if (file.starts_with("\xef\xbb\xbf")) file.remove_prefix(3);
  const auto first = file.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return file.empty() ? "" : "an empty text";
  const auto text = platform::lower(file.substr(first));
  if (text.front() == '<') {
    if (text.find("<svg") != std::string::npos) return "SVG";
    if (text.starts_with("<!doctype html") || text.find("<html") != std::string::npos)
      return "HTML";
    return "XML or HTML";
  }
  const bool plain = std::ranges::all_of(file, [](char sign) {
    return (sign >= ' ' && sign <= '~') || sign == '\t' || sign == '\r' || sign == '\n';
  });
  if (!plain) return "";
  return text.front() == '{' || text.front() == '[' ? "JSON" : "text";
}

}  // namespace

std::string_view foreign_format(std::span<const std::uint8_t> file) {
  const std::string_view beginning{reinterpret_cast<const char*>(file.data()),
                                   std::min(file.size(), kBeginning)};
  const auto magic = magic_of(beginning);
  return magic.empty() ? text_format_of(beginning) : magic;
}

}  // namespace atelier::codec
