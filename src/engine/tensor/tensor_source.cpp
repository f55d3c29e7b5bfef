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

AddedSource::AddedSource(const TensorSource& base, std::map<std::string, Delta, std::less<>> deltas)
    : base_(base), deltas_(std::move(deltas)) {
  for (const auto& [name, delta] : deltas_) {
    if (base_.shape(name)) continue;
    throw Error(ErrorCode::kInvalidArgument,
                base_.where() + ": has no tensor '" + name +
                    "', which the patch changes: the patch is for another model");
  }
}

Tensor AddedSource::get(std::string_view name) const {
  Tensor tensor = base_.get(name);
  const auto delta = deltas_.find(name);
  if (delta == deltas_.end()) return tensor;
  const Tensor added = delta->second();
  if (added.sizes() != tensor.sizes()) {
    throw Error(ErrorCode::kInvalidArgument,
                base_.where() + ": the patch of tensor '" + std::string(name) +
                    "' has another shape than the tensor: the patch is for another model");
  }
  return tensor.to(at::kFloat) + added.to(at::kFloat);
}

std::vector<std::string> AddedSource::changed() const {
  std::vector<std::string> names;
  for (const auto& [name, delta] : deltas_) names.push_back(name);
  return names;
}

}  // namespace atelier::engine
