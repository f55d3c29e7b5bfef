// Attention of one head over a run of queries in bf16, for processors with AVX-512 BF16: products
// of pairs of bf16 values summed in fp32, softmax in fp32 corrected as larger scores appear
// (Milakov and Gimelshein, arXiv 1805.02867). Used by nn/attention alone, from any thread: no
// shared state; only when bf16_products_supported() (nn/bf16_kernels.h). Sizes are the caller's
// duty.
#pragma once

#include <cstdint>

namespace atelier::engine {

struct AttentionRunBf16 {
  // Rows of `width` bf16 values as their bits; the strides are between rows, in values.
  const std::uint16_t* query = nullptr;  // of the first query of the run
  const std::uint16_t* key = nullptr;    // of all keys
  const std::uint16_t* value = nullptr;
  std::uint16_t* out = nullptr;
  std::int64_t query_stride = 0, key_stride = 0, value_stride = 0, out_stride = 0;
  std::int64_t queries = 0, keys = 0, width = 0;
  std::int64_t visible = 0;  // query i sees keys below visible + i; at least `keys`: all
  float scale = 1;
};

// How many queries make a good run: more amortise the packing of keys, fewer fit the cache.
std::int64_t attention_bf16_run_length(std::int64_t width);

void attend_bf16(const AttentionRunBf16& run);

}  // namespace atelier::engine
