// The torch side of the weights: tensors of a WeightsView, and the names of dtypes. Views on the
// mapped file keep the map alive. Job thread. Types that torch lacks throw kUnsupported.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/tensor_source.h"
#include "engine/weights/weights_view.h"

namespace atelier::engine {

at::ScalarType scalar_type_of(WeightDtype dtype);

// Zero-copy where the stored tensor is contiguous and aligned (also transposed, a part of the rows,
// or squeezed: those are views); otherwise a contiguous copy.
Tensor load_tensor(const WeightSource& source);

// What a Binder reads from. Keeps its own copy of the view (names only).
class ViewSource final : public TensorSource {
 public:
  explicit ViewSource(WeightsView view) : view_(std::move(view)) {}

  std::optional<std::vector<std::int64_t>> shape(std::string_view name) const override;
  Tensor get(std::string_view name) const override;
  void release(std::string_view name) const override;
  std::vector<std::string> names() const override;
  std::string where() const override { return view_.where(); }
  const WeightsView& view() const { return view_; }

 private:
  WeightsView view_;
};

}  // namespace atelier::engine
