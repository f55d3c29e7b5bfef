// How a network gets its parameters. A layer is a plain struct whose constructor takes a Binder and
// asks for its tensors under the checkpoint's own key:
//
//   Linear::Linear(Binder binder, std::int64_t in, std::int64_t out)
//       : weight(binder.tensor("weight", {out, in})), bias(binder.tensor("bias", {out})) {}
//   Attention::Attention(Binder& binder, …) : to_q(binder.scope("to_q"), width, width) …
//
// Nothing is allocated before binding; a tensor is converted to the compute dtype as it is bound
// and the mapped pages of its source are given back. Layers that keep their weight in a form of
// their own (packs_weights()) take it as stored instead, pack it and release it. A Binder is a
// cheap handle (copies share one record of used keys); use it on one thread, while the source
// lives. Missing tensors and wrong shapes throw kCorruptData with the name, what was expected and
// what was found.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/nn/weight_arena.h"
#include "engine/tensor/tensor_source.h"

namespace atelier::engine {

// How parameters are kept.
struct BindOptions {
  at::ScalarType dtype = at::kFloat;  // compute dtype
  at::Device device = at::kCPU;
  // Layers keep to forms that do not move the numbers beyond rounding: no Winograd. A layer keeps
  // one form of its weight, so a precise model is another one in memory.
  bool precise = false;
  bool packed = true;  // bf16 on a CPU that multiplies it: weights are packed for its products
};

class Binder {
 public:
  Binder(const TensorSource& source, const BindOptions& options);
  Binder(const TensorSource& source, at::ScalarType dtype, at::Device device = at::kCPU)
      : Binder(source, BindOptions{.dtype = dtype, .device = device}) {}

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

  at::ScalarType dtype() const;
  at::Device device() const;
  // "down_blocks.0.resnets.1." or "" at the root.
  const std::string& prefix() const { return prefix_; }

  // Names of the source that nobody has bound, in the order of the source.
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

}  // namespace atelier::engine
