#include "engine/nn/bf16_gemm.h"

#include <algorithm>

#include "platform/check.h"

namespace atelier::engine {
namespace {

// Rows of one block stay in half of a 1 MiB L2 while panels pass by.
constexpr std::int64_t kRowBlockBytes = std::int64_t{384} << 10;
constexpr std::int64_t kTasksPerThread = 8;

std::int64_t whole(std::int64_t value, std::int64_t of) { return (value + of - 1) / of; }

// `columns` points to the k values of every packed column, nulls for padding, 32 for a panel.
void pack_columns(WeightArena& arena, const std::vector<const void*>& columns, WeightFormat format,
                  PackedMatrix& matrix) {
  matrix.panels = static_cast<std::int64_t>(columns.size()) / kPanelColumns;
  const std::int64_t panel_size = matrix.pairs() * 2 * kPanelColumns;
  const std::shared_ptr<Bf16> data = arena.take(matrix.panels * panel_size);
  at::parallel_for(0, matrix.panels, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t panel = begin; panel < end; ++panel) {
      PanelSource source;
      source.format = format;
      source.k = matrix.k;
      std::copy_n(columns.begin() + panel * kPanelColumns, kPanelColumns, source.columns);
      pack_panel(source, data.get() + panel * panel_size);
    }
  });
  matrix.data = data;
}

void add_rows(const Tensor& weight, std::int64_t first, std::int64_t count,
              std::vector<const void*>& columns) {
  const auto* start = static_cast<const std::byte*>(weight.data_ptr());
  const auto row_bytes =
      static_cast<std::size_t>(weight.size(1)) * static_cast<std::size_t>(weight.element_size());
  for (std::int64_t row = first; row < first + count; ++row) {
    columns.push_back(start + static_cast<std::size_t>(row) * row_bytes);
  }
}

void fill_up(std::vector<const void*>& columns, std::int64_t multiple) {
  while (columns.size() % static_cast<std::size_t>(multiple) != 0) columns.push_back(nullptr);
}

// Pairs of k must be whole, and rows dense.
Tensor dense_rows(const Tensor& x, std::int64_t k) {
  const Tensor rows = x.reshape({-1, k});
  if (k % 2 != 0) return at::constant_pad_nd(rows, {0, 1});
  return rows.contiguous();
}

Bf16* bf16_data(const Tensor& x) { return static_cast<Bf16*>(x.data_ptr()); }

}  // namespace

WeightFormat weight_format(const Tensor& tensor) {
  CHECK(tensor.is_contiguous());
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return WeightFormat::kFloat32;
    case at::kHalf:
      return WeightFormat::kFloat16;
    case at::kBFloat16:
      return WeightFormat::kBfloat16;
    default:
      CHECK(false && "as_weight() makes one of these");
  }
}

Tensor as_weight(const Tensor& tensor) {
  const at::ScalarType dtype = tensor.scalar_type();
  const bool known = dtype == at::kFloat || dtype == at::kHalf || dtype == at::kBFloat16;
  return (known ? tensor : tensor.to(at::kFloat)).contiguous();
}

PackedMatrix pack_matrix(WeightArena& arena, const std::vector<Tensor>& weights,
                         const std::vector<Tensor>& biases) {
  CHECK(!weights.empty() && (biases.empty() || biases.size() == weights.size()));
  PackedMatrix matrix;
  matrix.k = weights[0].size(1);
  std::vector<Tensor> kept;  // `columns` points into them
  std::vector<const void*> columns;
  for (const Tensor& weight : weights) {
    CHECK(weight.dim() == 2 && weight.size(1) == matrix.k);
    kept.push_back(as_weight(weight.to(weights[0].scalar_type())));
    add_rows(kept.back(), 0, weight.size(0), columns);
  }
  matrix.columns = static_cast<std::int64_t>(columns.size());
  fill_up(columns, kPanelColumns);
  pack_columns(arena, columns, weight_format(kept[0]), matrix);
  if (!biases.empty()) {
    const std::int64_t padding = matrix.panels * kPanelColumns - matrix.columns;
    matrix.bias = at::constant_pad_nd(at::cat(biases, 0).to(at::kFloat), {0, padding});
  }
  return matrix;
}

PackedMatrix pack_gated_matrix(WeightArena& arena, const Tensor& weight, const Tensor& bias) {
  CHECK(weight.dim() == 2 && weight.size(0) % 2 == 0);
  constexpr std::int64_t kHalf = kPanelColumns / 2;
  PackedMatrix matrix;
  matrix.k = weight.size(1);
  matrix.columns = weight.size(0) / 2;
  matrix.gated = true;
  const Tensor kept = as_weight(weight);
  std::vector<const void*> columns;
  for (std::int64_t first = 0; first < matrix.columns; first += kHalf) {
    const std::int64_t count = std::min(kHalf, matrix.columns - first);
    add_rows(kept, first, count, columns);
    fill_up(columns, kHalf);
    add_rows(kept, matrix.columns + first, count, columns);
    fill_up(columns, kHalf);
  }
  pack_columns(arena, columns, weight_format(kept), matrix);
  if (bias.defined()) {
    const std::int64_t halves = matrix.panels;
    const Tensor both = at::constant_pad_nd(bias.to(at::kFloat).view({2, matrix.columns}),
                                            {0, halves * kHalf - matrix.columns});
    matrix.bias = both.view({2, halves, kHalf}).transpose(0, 1).contiguous().view(-1);
  }
  return matrix;
}

void multiply_rows(const RowsProduct& product, const PackedMatrix& matrix) {
  CHECK(matrix.defined() && product.stride >= 2 * matrix.pairs());
  CHECK(product.residual == nullptr || !matrix.gated);
  const ProductBlock native = product_block();
  const std::int64_t unit = native.rows;
  const std::int64_t fitting = std::max(unit, kRowBlockBytes / (4 * matrix.pairs()) / unit * unit);
  const std::int64_t blocks = whole(product.count, fitting);
  const std::int64_t block =
      whole(whole(product.count, std::max<std::int64_t>(blocks, 1)), unit) * unit;
  const std::int64_t wanted = kTasksPerThread * at::get_num_threads();
  const std::int64_t groups =
      std::clamp<std::int64_t>(whole(wanted, std::max<std::int64_t>(blocks, 1)), 1, matrix.panels);
  const std::int64_t group = whole(matrix.panels, groups);
  const std::int64_t width = matrix.gated ? kPanelColumns / 2 : kPanelColumns;  // columns written
  const float* bias = matrix.bias.defined() ? matrix.bias.data_ptr<float>() : nullptr;
  at::parallel_for(0, blocks * groups, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> waiting;
    if (matrix.pairs() > native.pairs) {
      waiting.resize(static_cast<std::size_t>(block * kPanelColumns));
    }
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t row = task / groups * block, first = task % groups * group;
      PanelProduct part;
      part.a = product.rows + row * product.stride;
      part.a_stride = product.stride;
      part.rows = std::min(block, product.count - row);
      part.pairs = matrix.pairs();
      part.waiting = waiting.data();
      part.output.kind = matrix.gated ? PanelOutput::Kind::kGatedGelu : PanelOutput::Kind::kBf16;
      part.output.stride = matrix.columns;
      for (std::int64_t p = first; p < std::min(first + group, matrix.panels); ++p) {
        const std::int64_t place = row * matrix.columns + p * width;
        part.panel = matrix.data.get() + p * matrix.pairs() * 2 * kPanelColumns;
        part.output.columns = std::min(width, matrix.columns - p * width);
        part.output.bias = bias == nullptr ? nullptr : bias + p * kPanelColumns;
        part.output.residual = product.residual == nullptr ? nullptr : product.residual + place;
        part.output.out = product.out + place;
        multiply_panel(part);
      }
    }
  });
}

Tensor multiply_packed(const Tensor& x, const PackedMatrix& matrix, const Tensor& residual) {
  CHECK(x.scalar_type() == at::kBFloat16 && x.size(-1) == matrix.k);
  const Tensor rows = dense_rows(x, matrix.k);
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape.back() = matrix.columns;
  const Tensor out = at::empty(shape, x.options());
  const Tensor added = residual.defined() ? residual.contiguous() : residual;
  CHECK(!added.defined() || (added.sizes() == out.sizes() && added.dtype() == out.dtype()));
  RowsProduct product;
  product.rows = bf16_data(rows);
  product.count = rows.size(0);
  product.stride = rows.size(1);
  product.residual = added.defined() ? bf16_data(added) : nullptr;
  product.out = bf16_data(out);
  multiply_rows(product, matrix);
  return out;
}

}  // namespace atelier::engine
