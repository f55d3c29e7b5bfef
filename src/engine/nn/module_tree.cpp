#include "engine/nn/module_tree.h"

#include <set>

#include "engine/nn/module.h"
#include "platform/error.h"

namespace atelier::engine {

void ModuleTree::add(const std::vector<std::string>& prefixes, Rebind rebind) {
  for (const std::string& prefix : prefixes) by_prefix_.emplace(prefix, layers_.size());
  layers_.push_back(std::move(rebind));
}

void ModuleTree::rebind(const TensorSource& source, std::span<const std::string> tensors) const {
  std::set<std::size_t> changed;
  for (const std::string& tensor : tensors) {
    const auto [first, last] = by_prefix_.equal_range(tensor.substr(0, tensor.rfind('.') + 1));
    if (first == last) {
      throw Error(ErrorCode::kInvalidArgument,
                  source.where() + ": tensor '" + tensor +
                      "' belongs to no layer of this network: the patch is for another model");
    }
    for (auto layer = first; layer != last; ++layer) changed.insert(layer->second);
  }
  const Binder root(source, options_);
  for (const std::size_t layer : changed) layers_[layer](root);
}

}  // namespace atelier::engine
