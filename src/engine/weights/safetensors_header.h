// The header of a safetensors file: parsed and fully validated before anything is used. Pure
// functions on bytes; errors are kCorruptData with the tensor and what is wrong. No torch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/weights/tensor_info.h"

namespace atelier::engine {

// The format's own limit.
inline constexpr std::uint64_t kSafetensorsHeaderBytesMax = 100'000'000;

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  // by offset; offsets count from the start of the file
  std::map<std::string, std::string> metadata;
  std::uint64_t data_begin = 0;
};

// Whether the first bytes look like a safetensors file (for error sentences).
bool looks_like_safetensors(std::span<const std::byte> file);

// `file` is the whole file (mapped). The tensors must fill the data part exactly: no holes, no
// overlap, nothing behind. `where` begins the error sentences.
SafetensorsHeader parse_safetensors(std::span<const std::byte> file, const std::string& where);

}  // namespace atelier::engine
