// Where a network's parameters come from, by the names that the network uses. Sources compose: a
// checkpoint seen through its name map gives tensors as they are stored, the next source
// dequantises them (weights/weights.h), the next adds a patch (AddedSource), and the layer packs
// what it gets. Headers only until get() is called. Used from the job thread while a model is built
// or bound again. get() of an unknown name throws kCorruptData.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

class TensorSource {
 public:
  virtual ~TensorSource() = default;
  // Shape without touching data; nullopt: there is no such tensor.
  virtual std::optional<std::vector<std::int64_t>> shape(std::string_view name) const = 0;
  // The same where a network needs the shape `needed`: a source that makes its tensors up returns
  // that.
  virtual std::optional<std::vector<std::int64_t>> shape_for(std::string_view name,
                                                             at::IntArrayRef /*needed*/) const {
    return shape(name);
  }
  // May be a read-only view on a mapped file, in the dtype of the file: never write into it.
  virtual Tensor get(std::string_view name) const = 0;
  // The caller has made its own copy: mapped pages behind the tensor may be released. Views stay
  // valid.
  virtual void release(std::string_view /*name*/) const {}
  virtual std::vector<std::string> names() const = 0;
  // What the source is, for error sentences: a path.
  virtual std::string where() const = 0;
};

// Tensors that are already in memory.
class MemorySource final : public TensorSource {
 public:
  explicit MemorySource(std::map<std::string, Tensor, std::less<>> tensors,
                        std::string where = "memory")
      : tensors_(std::move(tensors)), where_(std::move(where)) {}

  std::optional<std::vector<std::int64_t>> shape(std::string_view name) const override;
  Tensor get(std::string_view name) const override;
  std::vector<std::string> names() const override;
  std::string where() const override { return where_; }

 private:
  std::map<std::string, Tensor, std::less<>> tensors_;
  std::string where_;
};

// The tensors of another source, some of them with something added, as a LoRA does: the sum is fp32
// and is rounded once, when it is bound.
class AddedSource final : public TensorSource {
 public:
  // What is added to a tensor, of its shape; called when the tensor is read.
  using Delta = std::function<Tensor()>;

  // `base` must outlive this object. Throws kInvalidArgument when a delta is for a tensor that
  // `base` does not have; get() throws it for a delta of another shape.
  AddedSource(const TensorSource& base, std::map<std::string, Delta, std::less<>> deltas);

  std::optional<std::vector<std::int64_t>> shape(std::string_view name) const override {
    return base_.shape(name);
  }
  std::optional<std::vector<std::int64_t>> shape_for(std::string_view name,
                                                     at::IntArrayRef needed) const override {
    return base_.shape_for(name, needed);
  }
  Tensor get(std::string_view name) const override;
  void release(std::string_view name) const override { base_.release(name); }
  std::vector<std::string> names() const override { return base_.names(); }
  std::string where() const override { return base_.where(); }

  // Of the tensors that differ from those of `base`.
  std::vector<std::string> changed() const;

 private:
  const TensorSource& base_;
  std::map<std::string, Delta, std::less<>> deltas_;
};

}  // namespace atelier::engine
