// The whole path of an untrusted picture: the library's decoders (they are not instrumented, their
// allocations are), the conversions, the texts. Only a failure that the decoder reports may come
// out of it, and what was decoded must be whole. The size of the file chooses the options. The
// seeds are pictures of 24 x 16 pixels, one or more of each format, made with libvips 8.14.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "codec/picture_file.h"
#include "platform/error.h"

namespace {

using namespace atelier;

// Larger ones take seconds, and fail or pass in the same way.
constexpr std::int64_t kPixelsMax = 1 << 20;

codec::DecodeOptions options_for(std::size_t size) {
  codec::DecodeOptions options;
  options.max_pixels = kPixelsMax;
  options.header_only = size % 8 == 7;
  options.max_side = size % 4 == 1 ? 12 : 0;
  options.frames_max = size % 4 == 2 ? 3 : 1;
  return options;
}

void check(const codec::DecodedPicture& decoded, const codec::DecodeOptions& options) {
  if (decoded.width < 1 || decoded.height < 1 ||
      std::int64_t{decoded.width} * decoded.height > kPixelsMax) {
    std::abort();
  }
  if (decoded.image.has_value() == options.header_only) std::abort();
  if (decoded.image && decoded.image->pixels.size() != decoded.image->byte_count()) std::abort();
  for (const auto& frame : decoded.later_frames) {
    if (frame.image.pixels.size() != frame.image.byte_count()) std::abort();
  }
  if (decoded.texts.size() > codec::kTextsMax) std::abort();
}

}  // namespace

// An allocation that the decoder's limit on memory refuses is refused here, too.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the name is the sanitizer's
extern "C" const char* __asan_default_options() {
  return "allocator_may_return_null=1:max_allocation_size_mb=256:quarantine_size_mb=64";
}

// Leaks of the libraries below libvips on broken files are not ours.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the name is the sanitizer's
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libdav1d.so\nleak:libaom.so\nleak:libde265.so\nleak:libx265.so\nleak:libheif.so\n"
         "leak:libwebp.so\nleak:libtiff.so\nleak:libjpeg.so\n";
}

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  codec::start_codecs("picture_fuzz");
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const codec::DecodeOptions options = options_for(size);
  try {
    check(codec::decode_picture(std::span(data, size), options), options);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCorruptData && error.code() != ErrorCode::kTooLarge) {
      std::abort();
    }
  }
  return 0;
}
