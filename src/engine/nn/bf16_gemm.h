// Matrix products of bf16 rows with weights that were packed once (nn/bf16_kernels.h): y = x W^T +
// b on CPUs with AVX-512 BF16. Sums are fp32 and do not depend on the number of threads. Called
// from the job thread; uses libtorch's threads inside. Preconditions are CHECKed.
#pragma once

#include <memory>
#include <vector>

#include "engine/nn/bf16_kernels.h"
#include "engine/nn/weight_arena.h"
#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

struct PackedMatrix {
  std::int64_t k = 0;        // as in the file; panels hold an even number
  std::int64_t columns = 0;  // outputs; for a gated matrix those after the gate
  bool gated = false;
  std::int64_t panels = 0;
  std::shared_ptr<const Bf16> data;  // [panels][(k + 1) / 2][32][2]
  Tensor bias;                       // [panels * 32] fp32, in the order of the panels, or undefined

  bool defined() const { return data != nullptr; }
  std::int64_t pairs() const { return (k + 1) / 2; }
};

// The layers' weights [out, k] side by side, in any floating dtype (not copied as a whole); biases
// [out] each, or none.
PackedMatrix pack_matrix(WeightArena& arena, const std::vector<Tensor>& weights,
                         const std::vector<Tensor>& biases);

// A weight [2 n, k] whose product is used as first half * GELU(second half).
PackedMatrix pack_gated_matrix(WeightArena& arena, const Tensor& weight, const Tensor& bias);

// x [..., k] bf16 -> [..., columns] bf16, plus `residual` of that shape when it is defined (not for
// a gated matrix).
Tensor multiply_packed(const Tensor& x, const PackedMatrix& matrix, const Tensor& residual = {});

// The same for rows in memory: out [rows, columns], dense.
struct RowsProduct {
  const Bf16* rows = nullptr;
  std::int64_t count = 0,
               stride = 0;         // stride: elements between rows, k rounded up to even in each
  const Bf16* residual = nullptr;  // laid out like `out`, or null
  Bf16* out = nullptr;
};
void multiply_rows(const RowsProduct& product, const PackedMatrix& matrix);

// fp16, bf16 or fp32 values as pack_panel() reads them; `tensor` is contiguous.
WeightFormat weight_format(const Tensor& tensor);
// Contiguous and in one of these formats; a copy only when it is not.
Tensor as_weight(const Tensor& tensor);

}  // namespace atelier::engine
