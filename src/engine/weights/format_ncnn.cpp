// ncnn: the text of layers (.param) and the weights (.bin) beside it under the same name. The model
// is opened by its text. Families that take such files also read the layers (ncnn_model.h).
#include "engine/weights/ncnn_model.h"
#include "engine/weights/weights_format.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

bool recognises(std::span<const std::byte> file, const fs::path& /*path*/) {
  return looks_like_ncnn_param({reinterpret_cast<const char*>(file.data()), file.size()});
}

OpenedWeights open(std::shared_ptr<const MappedFile> param, const fs::path& path) {
  const fs::path weights = fs::path(path).replace_extension(".bin");
  if (!fs::exists(weights)) {
    throw Error(ErrorCode::kCorruptData,
                weights.string() +
                    ": the weights of this ncnn model are missing: put the .bin "
                    "file beside the .param file");
  }
  auto bin = std::make_shared<const MappedFile>(weights);
  NcnnModel model = parse_ncnn(text_of(*param), bin->bytes(), path.string());
  return {{std::move(bin), std::move(param)}, std::move(model.tensors), {}};
}

}  // namespace

WeightsFormat ncnn_format() { return {"ncnn", recognises, open}; }

}  // namespace atelier::engine
