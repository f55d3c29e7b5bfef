// The layers of one network by the keys of their tensors, so that some of them can be bound again
// from a changed source (for example with a LoRA added) while the others keep their parameters.
// Filled by the Binder with which the network is built; belongs to the network. Job thread, not
// during a forward pass.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/nn/bind_options.h"
#include "engine/tensor/tensor_source.h"

namespace atelier::engine {

class Binder;

class ModuleTree {
 public:
  // Binds a layer again; the binder is at the root of the source.
  using Rebind = std::function<void(const Binder& root)>;

  explicit ModuleTree(const BindOptions& options) : options_(options) {}

  // A layer whose tensors have the keys `<prefix><name>`; several prefixes: layers joined into one.
  void add(const std::vector<std::string>& prefixes, Rebind rebind);

  // Binds every layer again that has one of these tensors, all of its tensors from `source`, with
  // the options of the first binding. Throws kInvalidArgument, before anything is changed, for a
  // tensor that belongs to no layer; kCorruptData as Binder does, and then the layers before the
  // failing one are bound again and the others are not.
  void rebind(const TensorSource& source, std::span<const std::string> tensors) const;

  std::size_t size() const { return layers_.size(); }

 private:
  BindOptions options_;
  std::vector<Rebind> layers_;
  std::multimap<std::string, std::size_t, std::less<>> by_prefix_;
};

}  // namespace atelier::engine
