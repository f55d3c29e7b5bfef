// The inner loops of bf16 matrix products on CPUs with AVX-512 BF16, without torch: dot products of
// pairs of bf16 values added up in fp32 registers. A weight matrix is kept as panels of 32 columns,
// [columns / 32][k / 2][32][2], so that one instruction takes two neighbouring k of 16 columns.
// Called from any thread, no shared state; only when bf16_products_supported(). Sizes are the
// caller's duty.
#pragma once

#include <cstdint>

namespace atelier::engine {

using Bf16 = std::uint16_t;

inline constexpr std::int64_t kPanelColumns = 32;
bool bf16_products_supported();

// How this processor blocks a product: rows, whose whole multiples make the best blocks of work,
// and pairs of k, so that a block of a panel stays in a cache near by.
struct ProductBlock {
  std::int64_t rows = 0, pairs = 0;
};
ProductBlock product_block();

// What becomes of the sums of one panel.
struct PanelOutput {
  enum class Kind { kFloat, kBf16, kGatedGelu };
  Kind kind = Kind::kBf16;
  // First row, at the panel's first column: float for kFloat, else Bf16. kGatedGelu takes the first
  // 16 columns times GELU of the last 16 and writes 16.
  void* out = nullptr;
  std::int64_t stride = 0;         // elements between rows of `out`
  std::int64_t columns = 0;        // how many are written, at most 32 (16 for kGatedGelu)
  const float* bias = nullptr;     // of the panel's 32 columns, or null
  const Bf16* residual = nullptr;  // kBf16: added, laid out like `out`; may be `out`
};

struct PanelProduct {
  const Bf16* a = nullptr;
  std::int64_t a_stride = 0;  // elements between rows
  std::int64_t rows = 0;
  const Bf16* panel = nullptr;
  std::int64_t pairs = 0;  // k / 2
  // [rows rounded up to product_block().rows][32] floats for sums that wait; needed when pairs >
  // product_block().pairs.
  float* waiting = nullptr;
  PanelOutput output;
};

void multiply_panel(const PanelProduct& product);

// Where one column of a panel comes from, in the dtype of the file.
enum class WeightFormat { kFloat32, kFloat16, kBfloat16 };
struct PanelSource {
  WeightFormat format = WeightFormat::kFloat32;
  const void* columns[kPanelColumns] = {};  // k values each; null: zeros
  std::int64_t k = 0;
};

// to [(k + 1) / 2][32][2]
void pack_panel(const PanelSource& source, Bf16* to);

}  // namespace atelier::engine
