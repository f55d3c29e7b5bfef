// Stored tensors as floating point numbers: 8-bit floats are widened to fp16, which holds them
// exactly; every other floating type is passed on. Other types throw kUnsupported: no network here
// computes with them. Job thread.
#pragma once

#include "engine/weights/weights.h"

namespace atelier::engine {

class DequantisedSource final : public TensorSource {
 public:
  // `stored` must outlive this object.
  explicit DequantisedSource(const ViewSource& stored) : stored_(stored) {}

  std::optional<std::vector<std::int64_t>> shape(std::string_view name) const override {
    return stored_.shape(name);
  }
  Tensor get(std::string_view name) const override;
  void release(std::string_view name) const override { stored_.release(name); }
  std::vector<std::string> names() const override { return stored_.names(); }
  std::string where() const override { return stored_.where(); }

 private:
  const ViewSource& stored_;
};

}  // namespace atelier::engine
