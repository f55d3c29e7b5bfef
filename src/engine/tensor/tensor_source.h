// Where a network's parameters come from, by the names that the network uses: a checkpoint seen
// through its name map (weights/weights.h) or tensors in memory (tests). Headers only until get()
// is called. Used from the job thread while a model is built. get() of an unknown name throws
// kCorruptData.
#pragma once

#include <cstdint>
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
  // The same for a tensor that a network wants as `wanted`: sources that make tensors agree.
  virtual std::optional<std::vector<std::int64_t>> shape_wanted(std::string_view name,
                                                                at::IntArrayRef /*wanted*/) const {
    return shape(name);
  }
  // May be a read-only view on a mapped file, in the dtype of the file: never write into it.
  virtual Tensor get(std::string_view name) const = 0;
  // The caller has made its own copy: mapped pages behind the tensor may go. Views stay valid.
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

}  // namespace atelier::engine
