#include "engine/weights/all_formats.h"

#include <algorithm>

#include "platform/check.h"

// One line per format. A format that also goes by the file's name stands before those that only
// look at the content.
#define ATELIER_WEIGHTS_FORMATS(FORMAT) \
  FORMAT(shard_index)                   \
  FORMAT(gguf)                          \
  FORMAT(ncnn)                          \
  FORMAT(onnx)                          \
  FORMAT(torch_archive)                 \
  FORMAT(torch_before_1_6)              \
  FORMAT(torch_by_name)                 \
  FORMAT(safetensors)

namespace atelier::engine {

#define FORMAT(name) WeightsFormat name##_format();
ATELIER_WEIGHTS_FORMATS(FORMAT)
#undef FORMAT

const std::vector<WeightsFormat>& all_weights_formats() {
#define FORMAT(name) name##_format(),
  static const std::vector<WeightsFormat> list = {ATELIER_WEIGHTS_FORMATS(FORMAT)};
#undef FORMAT
  return list;
}

const WeightsFormat& weights_format_of(std::span<const std::byte> file,
                                       const std::filesystem::path& path) {
  const std::vector<WeightsFormat>& list = all_weights_formats();
  const auto found = std::find_if(list.begin(), list.end(), [&](const WeightsFormat& format) {
    return format.recognises(file, path);
  });
  CHECK(found != list.end());
  return *found;
}

}  // namespace atelier::engine
