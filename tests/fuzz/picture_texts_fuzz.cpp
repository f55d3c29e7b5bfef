// The readers of metadata in pictures: PNG text chunks and the EXIF comment. What they return must
// be UTF-8, because it goes into JSON, and within the bounds.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "codec/exif_comment.h"
#include "codec/png_texts.h"
#include "platform/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace atelier::codec;
  namespace platform = atelier::platform;
  const std::span<const std::uint8_t> bytes(data, size);
  const auto texts = read_png_texts(bytes);
  if (texts.size() > kTextsMax) std::abort();
  for (const TextEntry& text : texts) {
    if (!platform::is_utf8(text.key) || !platform::is_utf8(text.value)) std::abort();
  }
  if (const auto comment = read_exif_comment(bytes); comment && !platform::is_utf8(*comment))
    std::abort();
  return 0;
}
