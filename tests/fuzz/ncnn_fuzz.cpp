// A text, a zero byte and weights: any of them give an Error or tensors inside of the weights.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "engine/weights/ncnn_model.h"
#include "platform/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* const end = std::find(data, data + size, 0);
  const std::string_view param(reinterpret_cast<const char*>(data),
                               static_cast<std::size_t>(end - data));
  const auto bin = std::as_bytes(std::span(end == data + size ? end : end + 1, data + size));
  try {
    const auto model = atelier::engine::parse_ncnn(param, bin, "fuzz");
    for (const auto& tensor : model.tensors) {
      if (tensor.offset > bin.size() || tensor.bytes > bin.size() - tensor.offset) std::abort();
    }
    atelier::engine::without_splits(model.layers);
  } catch (const atelier::Error& error) {
    if (error.code() != atelier::ErrorCode::kCorruptData &&
        error.code() != atelier::ErrorCode::kUnsupported) {
      std::abort();
    }
  }
  return 0;
}
