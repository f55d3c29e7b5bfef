// Reads the tensors out of the pickle that torch.save writes, without executing anything: a few
// globals that build tensors and dictionaries are understood by name, every other one becomes an
// inert object that is never called. Pure function on bytes; a broken pickle throws kCorruptData, a
// tensor that depends on an inert object kUnsupported. No torch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/weights/tensor_info.h"

namespace atelier::engine {

// Far above any data.pkl (SDXL's has half a megabyte); memory grows with the pickle.
inline constexpr std::uint64_t kPickleBytesMax = 16u << 20;

// A tensor as the pickle describes it: part of a storage that lies in another member of the
// archive.
struct PickledTensor {
  std::string name;  // keys of the dictionaries, joined by dots; a `state_dict` wrapper is left out
  std::string storage_key;
  WeightDtype storage_dtype = WeightDtype::kOther;
  WeightDtype dtype = WeightDtype::kOther;
  std::uint64_t storage_elements = 0;  // of storage_dtype
  std::uint64_t offset = 0;            // in elements of `dtype`
  std::vector<std::int64_t> shape, strides;
};

std::vector<PickledTensor> read_pickled_tensors(std::span<const std::byte> pickle,
                                                const std::string& where);

}  // namespace atelier::engine
