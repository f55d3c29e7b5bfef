#include "decoder/start.h"

#include <cstdlib>

#include "codec/picture_file.h"
#include "decoder/sandbox.h"

namespace atelier::decoder {
namespace {

// Shows that nothing that the codecs need is forbidden, and starts their threads.
void try_codecs() {
  const media::Image picture{8, 8, 3, std::vector<std::uint8_t>(8 * 8 * 3, 127)};
  for (const char* format : {"png", "jpeg", "webp"}) {
    codec::EncodeOptions options;
    options.format = format;
    codec::decode_picture(codec::encode_picture(picture, options), {});
  }
}

}  // namespace

std::vector<std::string> start_in_sandbox() {
  // Large pictures stay in memory: there is no file to put them into.
  ::setenv("VIPS_DISC_THRESHOLD", "4g", 1);
  std::vector<std::string> measures =
      enter_sandbox({}, [] { codec::start_codecs("atelier-media"); });
  try_codecs();
  return measures;
}

}  // namespace atelier::decoder
