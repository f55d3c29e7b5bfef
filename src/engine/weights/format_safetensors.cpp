// safetensors: a JSON header and raw data. Stands last in the list and accepts every file.
#include "engine/weights/safetensors_header.h"
#include "engine/weights/weights_format.h"

namespace atelier::engine {
namespace {

bool accept_any(std::span<const std::byte> /*file*/, const std::filesystem::path& /*path*/) {
  return true;
}

OpenedWeights open(std::shared_ptr<const MappedFile> file, const std::filesystem::path& path) {
  SafetensorsHeader header = parse_safetensors(file->bytes(), path.string());
  return {{std::move(file)}, std::move(header.tensors), std::move(header.metadata)};
}

}  // namespace

WeightsFormat safetensors_format() { return {"safetensors", accept_any, open}; }

}  // namespace atelier::engine
