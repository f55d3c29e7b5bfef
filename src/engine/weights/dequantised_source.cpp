#include "engine/weights/dequantised_source.h"

#include <array>
#include <cmath>
#include <limits>

#include "platform/error.h"

namespace atelier::engine {
namespace {

bool is_fp8(WeightDtype dtype) {
  return dtype == WeightDtype::kF8E4M3 || dtype == WeightDtype::kF8E5M2;
}

bool is_floating(WeightDtype dtype) {
  return is_fp8(dtype) || dtype == WeightDtype::kF16 || dtype == WeightDtype::kBF16 ||
         dtype == WeightDtype::kF32 || dtype == WeightDtype::kF64;
}

// e4m3fn: bias 7, no infinity, all ones is NaN.
float value_of_e4m3(unsigned byte) {
  const unsigned exponent = (byte >> 3U) & 15U, fraction = byte & 7U;
  float value = exponent == 0
                    ? std::ldexp(static_cast<float>(fraction), -9)
                    : std::ldexp(static_cast<float>(8 + fraction), static_cast<int>(exponent) - 10);
  if ((byte & 0x7fU) == 0x7fU) value = std::numeric_limits<float>::quiet_NaN();
  return (byte & 0x80U) != 0 ? -value : value;
}

using HalfTable = std::array<at::Half, 256>;

HalfTable halves_of(WeightDtype dtype) {
  HalfTable table;
  for (unsigned byte = 0; byte < table.size(); ++byte) {
    // e5m2 is the upper half of an fp16.
    table[byte] = dtype == WeightDtype::kF8E5M2
                      ? at::Half(static_cast<std::uint16_t>(byte << 8U), at::Half::from_bits())
                      : at::Half(value_of_e4m3(byte));
  }
  return table;
}

// bytes: contiguous uint8 -> fp16
Tensor widened(const Tensor& bytes, WeightDtype dtype) {
  const HalfTable table = halves_of(dtype);
  Tensor wide = at::empty(bytes.sizes(), at::kHalf);
  const auto* const from = bytes.data_ptr<std::uint8_t>();
  auto* const to = wide.data_ptr<at::Half>();
  at::parallel_for(0, bytes.numel(), 1 << 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) to[i] = table[from[i]];
  });
  return wide;
}

}  // namespace

Tensor DequantisedSource::get(std::string_view name) const {
  const WeightSource* const source = stored_.view().find(name);
  if (source != nullptr && !is_floating(source->info->dtype)) {
    throw Error(ErrorCode::kUnsupported,
                where() + ": tensor '" + source->info->name + "' is stored as " +
                    std::string(weight_dtype_name(source->info->dtype)) +
                    ", not as floating point numbers: quantised weights of this kind are not "
                    "read; use the fp16, bf16 or fp32 version of the model");
  }
  Tensor stored = stored_.get(name);
  if (source == nullptr || !is_fp8(source->info->dtype)) return stored;
  if (stored.is_meta()) return at::empty(stored.sizes(), stored.options().dtype(at::kHalf));
  return widened(stored.contiguous(), source->info->dtype);
}

}  // namespace atelier::engine
