// Attention of one head over a run of queries, fp32 on the CPU: scores of six queries and one block
// of keys at a time, softmax corrected as larger scores appear (Milakov and Gimelshein, arXiv
// 1805.02867), so the scratch does not grow with the number of keys. Used by nn/attention alone,
// from any thread: no shared state. Sizes are the caller's duty.
#pragma once

#include <cstdint>

namespace atelier::engine {

struct AttentionRun {
  // Rows of `width` floats; the strides are between rows.
  const float* query = nullptr;  // of the first query of the run
  const float* key = nullptr;    // of all keys
  const float* value = nullptr;
  float* out = nullptr;
  std::int64_t query_stride = 0, key_stride = 0, value_stride = 0, out_stride = 0;
  std::int64_t queries = 0, keys = 0, width = 0;
  std::int64_t visible = 0;  // query i sees keys below visible + i; at least `keys`: all
  float scale = 1;
};

// How many queries make a good run: more amortise the packing of keys, fewer fit the cache.
std::int64_t attention_run_length(std::int64_t width);

void attend(const AttentionRun& run);

}  // namespace atelier::engine
