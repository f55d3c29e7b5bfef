// The description of one tensor in a weights file, before any of its data is read. Plain values, no
// torch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::engine {

enum class WeightDtype {
  kBool,
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kU64,
  kI64,
  kF8E4M3,
  kF8E5M2,
  kF16,
  kBF16,
  kF32,
  kF64,
  kC64,
  kOther,  // legal in the container, but not a type that anything here computes with
};

// "F16", as safetensors spells it.
std::string_view weight_dtype_name(WeightDtype dtype);
// Bytes of one element; 0 for kOther.
std::uint64_t weight_dtype_size(WeightDtype dtype);

struct TensorInfo {
  std::string name;
  WeightDtype dtype = WeightDtype::kOther;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  // in elements; empty: contiguous
  std::uint64_t offset = 0;           // of the first byte in its file
  std::uint64_t bytes = 0;            // from there to the end of the last element
  std::uint32_t shard = 0;            // which file of a sharded set

  std::uint64_t elements() const;
};

std::string shape_text(const std::vector<std::int64_t>& shape);  // "[320, 4, 3, 3]"

}  // namespace atelier::engine
