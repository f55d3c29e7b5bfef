// ONNX: the initialisers of its graph. Families that take such files also read the nodes
// (onnx_initialisers.h).
#include "engine/weights/onnx_initialisers.h"
#include "engine/weights/weights_format.h"

namespace atelier::engine {
namespace {

bool recognises(std::span<const std::byte> file, const std::filesystem::path& /*path*/) {
  return looks_like_onnx(file);
}

OpenedWeights open(std::shared_ptr<const MappedFile> file, const std::filesystem::path& path) {
  OnnxModel model = parse_onnx(file->bytes(), path.string());
  return {{std::move(file)}, std::move(model.tensors), {}};
}

}  // namespace

WeightsFormat onnx_format() { return {"onnx", recognises, open}; }

}  // namespace atelier::engine
