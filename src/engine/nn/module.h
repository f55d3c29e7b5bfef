// How a network gets its parameters. A layer is a plain struct whose constructor takes a Binder and
// takes its tensors under the checkpoint's own key:
//
//   Linear::Linear(const Binder& binder, std::int64_t in, std::int64_t out)
//       : bound_({binder}, [=](const auto& places) { return places[0].tensor("weight", {out, in});
//       }) {}
//   Attention::Attention(const Binder& binder, …) : to_q(binder.scope("to_q"), width, width) …
//
// What is made inside Bound can be bound again from another source. Nothing is allocated before
// binding; a tensor is converted to the compute dtype as it is bound and the mapped pages of its
// source are given back. Layers that keep their weight in a form of their own (packs_weights())
// take it as stored instead, pack it and release it. A Binder is a cheap handle (copies share one
// record of used keys); use it on one thread, while the source lives. Missing tensors and wrong
// shapes throw kCorruptData with the name, what was expected and what was found.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/nn/bind_options.h"
#include "engine/nn/module_tree.h"
#include "engine/nn/weight_arena.h"
#include "engine/tensor/tensor_source.h"

namespace atelier::engine {

class Binder {
 public:
  Binder(const TensorSource& source, const BindOptions& options);
  Binder(const TensorSource& source, at::ScalarType dtype, at::Device device = at::kCPU)
      : Binder(source, BindOptions{.dtype = dtype, .device = device}) {}

  // A binder of the same source at another place: "" is the root.
  Binder at(std::string prefix) const { return Binder(record_, std::move(prefix)); }
  // A binder whose keys start with `<this prefix><name>.`
  Binder scope(std::string_view name) const;
  Binder scope(std::int64_t index) const { return scope(std::to_string(index)); }

  // Whether the tensor exists; does not count as use.
  bool has(std::string_view name) const;
  // Whether any tensor exists below `<this prefix><name>.`
  bool has_scope(std::string_view name) const;
  // Shape as it lies in the checkpoint; nullopt: no such tensor.
  std::optional<std::vector<std::int64_t>> shape(std::string_view name) const;

  // The parameter, contiguous, in the compute dtype (or the given one) on the device. Always memory
  // of its own: a network that looked into its file would change when the file does.
  Tensor tensor(std::string_view name, at::IntArrayRef expected_shape) const;
  Tensor tensor(std::string_view name, at::IntArrayRef expected_shape, at::ScalarType dtype) const;
  // The same for a layer that makes a form of its own of it and keeps nothing: where the file has
  // that dtype already and the device is the CPU it is a view on the mapped file.
  Tensor borrowed(std::string_view name, at::IntArrayRef expected_shape) const;
  // Undefined when absent (optional biases).
  Tensor tensor_if_present(std::string_view name, at::IntArrayRef expected_shape) const;
  // The parameter contiguous, in the dtype of the file, on the CPU: to be packed, then released.
  Tensor stored(std::string_view name, at::IntArrayRef expected_shape) const;
  void release(std::string_view name) const;
  // Whether weights are to be packed for bf16 products: options and CPU allow it.
  bool packs_weights() const;
  bool precise() const;
  // Where this network's packed weights lie.
  WeightArena& arena() const;
  // A tensor that is deliberately not used (position ids): counts as used.
  void skip(std::string_view name) const;

  // The layers bound so far, for the network to keep.
  const std::shared_ptr<ModuleTree>& modules() const;

  at::ScalarType dtype() const;
  at::Device device() const;
  // "down_blocks.0.resnets.1." or "" at the root.
  const std::string& prefix() const { return prefix_; }

  // Names of the source that were not bound, in the order of the source.
  std::vector<std::string> unused() const;
  // Throws kCorruptData naming the first few tensors that were never bound.
  void check_all_used() const;

 private:
  struct Record;
  Binder(std::shared_ptr<Record> record, std::string prefix);

  std::string full(std::string_view name) const { return prefix_ + std::string(name); }
  Tensor converted(const std::string& key, const Tensor& stored, at::ScalarType dtype) const;
  // Throws unless the source has the tensor in this shape; counts as use.
  Tensor found(const std::string& key, at::IntArrayRef expected_shape) const;

  std::shared_ptr<Record> record_;
  std::string prefix_;
};

// The parameters of a layer, registered under the keys of its tensors so that they can be replaced
// as a whole (nn/module_tree.h). Copies share the parameters.
template <class Parameters>
class Bound {
 public:
  Bound() = default;
  // `bind(places)` makes the parameters; it is called again with binders of another source at the
  // same places, so it must keep no reference to what is gone by then.
  template <class Bind>
  Bound(const std::vector<Binder>& places, Bind bind)  // NOLINT(*-value-param): kept
      : parameters_(std::make_shared<Parameters>(bind(places))) {
    std::vector<std::string> prefixes;
    for (const Binder& place : places) prefixes.push_back(place.prefix());
    places.front().modules()->add(prefixes,
                                  [parameters = parameters_, prefixes, bind](const Binder& root) {
                                    std::vector<Binder> again;
                                    for (const std::string& prefix : prefixes)
                                      again.push_back(root.at(prefix));
                                    *parameters = bind(again);
                                  });
  }

  bool defined() const { return parameters_ != nullptr; }
  const Parameters& operator*() const { return *parameters_; }
  const Parameters* operator->() const { return parameters_.get(); }

 private:
  std::shared_ptr<Parameters> parameters_;
};

}  // namespace atelier::engine
