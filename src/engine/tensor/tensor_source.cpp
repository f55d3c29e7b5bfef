#include "engine/tensor/tensor_source.h"

#include "platform/error.h"

namespace atelier::engine {

std::optional<std::vector<std::int64_t>> MemorySource::shape(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return std::nullopt;
  return found->second.sizes().vec();
}

Tensor MemorySource::get(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    throw Error(ErrorCode::kCorruptData,
                where_ + ": tensor '" + std::string(name) + "' is missing");
  }
  return found->second;
}

std::vector<std::string> MemorySource::names() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors_) names.push_back(name);
  return names;
}

}  // namespace atelier::engine
