// The torch side of the weights: tensors of a WeightsView as they are stored. Views on the mapped
// file keep the map alive. Job thread. Types that torch lacks throw kUnsupported.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/tensor_source.h"
#include "engine/weights/weights_view.h"

namespace atelier::engine {

// Of a stored tensor: 8-bit floats are bytes, which DequantisedSource widens.
at::ScalarType stored_type_of(WeightDtype dtype);

// Zero-copy where the stored tensor is contiguous and aligned (also transposed, a part of the rows,
// or squeezed: those are views); otherwise a contiguous copy.
Tensor load_tensor(const WeightSource& source);

enum class TensorData {
  kRead,
  kShapesOnly,  // tensors of the device "meta": to check whether a network can be built of them
};

// The tensors of a file, as they are stored, under the names of the view. Keeps its own copy of the
// view (names only).
class ViewSource final : public TensorSource {
 public:
  // `part` is for sentences: "UNet".
  explicit ViewSource(WeightsView view, std::string part = "", TensorData data = TensorData::kRead)
      : view_(std::move(view)), part_(std::move(part)), data_(data) {}

  std::optional<std::vector<std::int64_t>> shape(std::string_view name) const override;
  Tensor get(std::string_view name) const override;
  void release(std::string_view name) const override;
  std::vector<std::string> names() const override;
  std::string where() const override;
  const WeightsView& view() const { return view_; }

  // A name for a part of the data of each tensor that was read so far.
  std::uint64_t digest() const;
  // Throws kCorruptData when some of it was not there (weights_file.h).
  void check_readable() const;

 private:
  WeightsView view_;
  std::string part_;
  TensorData data_;
  mutable std::map<std::string, std::uint64_t, std::less<>> digests_;  // by name in the file
};

}  // namespace atelier::engine
