// Tensors of a file under the names of a network, for tests of networks that recognise files in
// several namings. Test code: a missing tensor ends the test with an exception.
#pragma once

#include <cstring>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/tensor/tensor_source.h"
#include "engine/weights/tensor_info.h"
#include "engine/weights/tensor_names.h"

namespace atelier::engine {

// The descriptions of the tensors of `source`, as a weights file gives them.
inline std::vector<TensorInfo> infos_of(const TensorSource& source) {
  std::vector<TensorInfo> infos;
  for (const std::string& name : source.names()) {
    TensorInfo info;
    info.name = name;
    info.dtype = WeightDtype::kF32;
    info.shape = source.shape(name).value();
    infos.push_back(std::move(info));
  }
  return infos;
}

inline MemorySource renamed(const TensorSource& source, const TensorNames& names) {
  std::map<std::string, Tensor, std::less<>> tensors;
  for (const auto& [ours, theirs] : names) tensors.emplace(ours, source.get(theirs));
  return MemorySource(std::move(tensors));
}

// fp16 and fp32 tensors out of the bytes of a file.
inline MemorySource tensors_in(std::span<const std::byte> file, std::span<const TensorInfo> infos,
                               const TensorNames& names) {
  std::map<std::string, const TensorInfo*, std::less<>> by_name;
  for (const TensorInfo& info : infos) by_name.emplace(info.name, &info);
  std::map<std::string, Tensor, std::less<>> tensors;
  for (const auto& [ours, theirs] : names) {
    const auto found = by_name.find(theirs);
    if (found == by_name.end()) throw std::runtime_error("no tensor " + theirs);
    const TensorInfo& info = *found->second;
    Tensor tensor = at::empty(info.shape, info.dtype == WeightDtype::kF16 ? at::kHalf : at::kFloat);
    if (tensor.nbytes() != info.bytes) throw std::runtime_error("size of " + theirs);
    std::memcpy(tensor.data_ptr(), file.data() + info.offset, info.bytes);
    tensors.emplace(ours, tensor);
  }
  return MemorySource(std::move(tensors));
}

}  // namespace atelier::engine
