#include "engine/nn/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "platform/check.h"

namespace atelier::engine {

Tensor split_heads(const Tensor& x, std::int64_t heads) {
  return x.unflatten(2, {heads, x.size(2) / heads}).transpose(1, 2);
}

#if TORCH_VERSION_MAJOR >= 2

Tensor attention(const Tensor& query, const Tensor& key, const Tensor& value, AttentionMask mask) {
  return at::scaled_dot_product_attention(query, key, value, {}, 0.0,
                                          mask == AttentionMask::kCausal)
      .transpose(1, 2)
      .flatten(2);
}

#else

namespace {

// Scores of one block of queries against all keys, per thread: what a second-level cache holds.
constexpr std::int64_t kScratchBytes = std::int64_t{1} << 20;
constexpr std::int64_t kQueriesMin = 16, kQueriesMax = 256;

std::int64_t queries_per_block(std::int64_t queries, std::int64_t keys) {
  const std::int64_t fitting = kScratchBytes / (keys * static_cast<std::int64_t>(sizeof(float)));
  const std::int64_t most = std::clamp(fitting, kQueriesMin, kQueriesMax);
  const std::int64_t blocks = (queries + most - 1) / most;
  return (queries + blocks - 1) / blocks;
}

Tensor causal_bias(std::int64_t queries, std::int64_t keys) {
  return at::full({queries, keys}, -std::numeric_limits<float>::infinity(), at::kFloat)
      .triu_(keys - queries + 1);
}

struct Head {
  Tensor query, key, value, out;  // [n, width], [m, width], [m, width], view of the result
};

// bias [block, m] is added to the scores, or undefined.
void attend_block(const Head& head, std::int64_t first, std::int64_t count, double scale,
                  const Tensor& bias, Tensor& scores) {
  Tensor block = scores.narrow(0, 0, count);
  const Tensor query = head.query.narrow(0, first, count);
  at::addmm_out(block, bias.defined() ? bias.narrow(0, first, count) : block, query, head.key.t(),
                bias.defined() ? 1.0 : 0.0, scale);
  at::_softmax_out(block, block, 1, false);
  Tensor out = head.out.narrow(0, first, count);
  at::mm_out(out, block, head.value);
}

}  // namespace

Tensor attention(const Tensor& query, const Tensor& key, const Tensor& value, AttentionMask mask) {
  CHECK(query.dim() == 4 && key.dim() == 4 && value.sizes() == key.sizes());
  const std::int64_t batch = query.size(0), heads = query.size(1), queries = query.size(2);
  const std::int64_t width = query.size(3), keys = key.size(2);
  const Tensor wide_query = query.to(at::kFloat), wide_key = key.to(at::kFloat);
  const Tensor wide_value = value.to(at::kFloat);
  Tensor result = at::empty({batch, queries, heads, width}, at::kFloat);
  const Tensor bias = mask == AttentionMask::kCausal ? causal_bias(queries, keys) : Tensor();
  const std::int64_t block = queries_per_block(queries, keys);
  const std::int64_t blocks = (queries + block - 1) / block;
  const double scale = 1.0 / std::sqrt(static_cast<double>(width));
  at::parallel_for(0, batch * heads * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    const c10::InferenceMode no_graph;  // the mode does not cross threads by itself
    Tensor scores = at::empty({block, keys}, at::kFloat);
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t n = task / blocks / heads, h = task / blocks % heads;
      const std::int64_t first = task % blocks * block;
      const Head head{wide_query[n][h], wide_key[n][h], wide_value[n][h], result[n].select(1, h)};
      attend_block(head, first, std::min(block, queries - first), scale, bias, scores);
    }
  });
  return result.flatten(2).to(query.scalar_type());
}

#endif

}  // namespace atelier::engine
