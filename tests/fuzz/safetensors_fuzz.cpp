// For any bytes: an Error, or tensors inside of the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "engine/weights/safetensors_header.h"
#include "platform/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  try {
    for (const auto& tensor : atelier::engine::parse_safetensors(file, "fuzz").tensors) {
      if (tensor.offset > size || tensor.bytes > size - tensor.offset) std::abort();
    }
  } catch (const atelier::Error& error) {
    if (error.code() != atelier::ErrorCode::kCorruptData) std::abort();
  }
  return 0;
}
