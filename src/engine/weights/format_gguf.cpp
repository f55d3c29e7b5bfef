// GGUF is recognised and refused: its quantised blocks are not read.
#include <algorithm>
#include <string_view>

#include "engine/weights/weights_format.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

bool begins_as_gguf(std::span<const std::byte> file, const std::filesystem::path& /*path*/) {
  constexpr std::string_view kMagic = "GGUF";
  return file.size() >= kMagic.size() &&
         std::equal(kMagic.begin(), kMagic.end(), file.begin(),
                    [](char a, std::byte b) { return static_cast<std::byte>(a) == b; });
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): the signature of WeightsFormat::open
OpenedWeights refuse(std::shared_ptr<const MappedFile> /*file*/,
                     const std::filesystem::path& path) {
  throw Error(
      ErrorCode::kUnsupported,
      path.string() + ": is a GGUF file, which is not read yet: use the safetensors version");
}

}  // namespace

WeightsFormat gguf_format() { return {"gguf", begins_as_gguf, refuse}; }

}  // namespace atelier::engine
