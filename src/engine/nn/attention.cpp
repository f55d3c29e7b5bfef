#include "engine/nn/attention.h"

#include <algorithm>
#include <cmath>

#include "engine/nn/attention_bf16_kernel.h"
#include "engine/nn/attention_kernel.h"
#include "engine/nn/bf16_kernels.h"
#include "engine/tensor/poll.h"
#include "platform/check.h"

namespace atelier::engine {
namespace {

// Multiplications of a thread between two calls of poll(): a few tenths of a second of a slow
// processor.
constexpr std::int64_t kPollProducts = 4'000'000'000;

// What differs between the kernels: how a tensor's values are seen, how long a run may be.
struct Fp32Kernel {
  using Run = AttentionRun;
  using Value = float;
  static constexpr at::ScalarType kDtype = at::kFloat;
  static std::int64_t run_length(std::int64_t width) { return attention_run_length(width); }
  static void run(const Run& run) { attend(run); }
};

struct Bf16Kernel {
  using Run = AttentionRunBf16;
  using Value = std::uint16_t;
  static constexpr at::ScalarType kDtype = at::kBFloat16;
  static std::int64_t run_length(std::int64_t width) { return attention_bf16_run_length(width); }
  static void run(const Run& run) { attend_bf16(run); }
};

template <typename Kernel>
Tensor with_dense_rows(const Tensor& x) {
  const Tensor taken = x.to(Kernel::kDtype);
  return taken.stride(3) == 1 ? taken : taken.contiguous();
}

template <typename Kernel>
const typename Kernel::Value* head_of(const Tensor& x, std::int64_t n, std::int64_t h) {
  return static_cast<const typename Kernel::Value*>(x.data_ptr()) + n * x.stride(0) +
         h * x.stride(1);
}

// Queries of one task: a good run, but tasks enough for all threads.
std::int64_t task_length(std::int64_t queries, std::int64_t heads, std::int64_t longest) {
  const std::int64_t wanted = (4 * at::get_num_threads() + heads - 1) / heads;  // tasks of a head
  const std::int64_t even = (queries + wanted - 1) / wanted;
  return std::clamp<std::int64_t>(even, std::min<std::int64_t>(queries, 48), longest);
}

template <typename Kernel>
Tensor attention_with(const Tensor& query, const Tensor& key, const Tensor& value,
                      AttentionMask mask) {
  const Tensor q = with_dense_rows<Kernel>(query), k = with_dense_rows<Kernel>(key);
  const Tensor v = with_dense_rows<Kernel>(value);
  const std::int64_t batch = q.size(0), heads = q.size(1), queries = q.size(2);
  const std::int64_t keys = k.size(2), width = q.size(3);
  Tensor result = at::empty({batch, queries, heads, width}, Kernel::kDtype);
  auto* out = static_cast<typename Kernel::Value*>(result.data_ptr());
  const std::int64_t length = task_length(queries, batch * heads, Kernel::run_length(width));
  const std::int64_t parts = (queries + length - 1) / length;
  const float scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(width)));
  const auto run_tasks = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t n = task / parts / heads, h = task / parts % heads;
      const std::int64_t first = task % parts * length;
      typename Kernel::Run run;
      run.query = head_of<Kernel>(q, n, h) + first * q.stride(2);
      run.key = head_of<Kernel>(k, n, h);
      run.value = head_of<Kernel>(v, n, h);
      run.out = out + ((n * queries + first) * heads + h) * width;
      run.query_stride = q.stride(2);
      run.key_stride = k.stride(2);
      run.value_stride = v.stride(2);
      run.out_stride = heads * width;
      run.queries = std::min(length, queries - first);
      run.keys = keys;
      run.width = width;
      run.visible = mask == AttentionMask::kCausal ? keys - queries + first + 1 : keys;
      run.scale = scale;
      Kernel::run(run);
    }
  };
  // Rounds in which every thread has the same number of tasks.
  const std::int64_t tasks = batch * heads * parts, threads = at::get_num_threads();
  const std::int64_t products = std::max<std::int64_t>(2 * length * keys * width, 1);
  const std::int64_t round = std::max<std::int64_t>(kPollProducts / products, 1) * threads;
  for (std::int64_t first = 0; first < tasks; first += round) {
    poll();
    at::parallel_for(first, std::min(first + round, tasks), 1, run_tasks);
  }
  return result.flatten(2).to(query.scalar_type());
}

Tensor attention_on_cpu(const Tensor& query, const Tensor& key, const Tensor& value,
                        AttentionMask mask) {
  return query.scalar_type() == at::kBFloat16 && bf16_products_supported()
             ? attention_with<Bf16Kernel>(query, key, value, mask)
             : attention_with<Fp32Kernel>(query, key, value, mask);
}

}  // namespace

Tensor split_heads(const Tensor& x, std::int64_t heads) {
  return x.unflatten(2, {heads, x.size(2) / heads}).transpose(1, 2);
}

Tensor attention(const Tensor& query, const Tensor& key, const Tensor& value, AttentionMask mask) {
  CHECK(query.dim() == 4 && key.dim() == 4 && value.sizes() == key.sizes());
  CHECK(mask == AttentionMask::kNone || key.size(2) >= query.size(2));
  if (query.device().is_cpu()) return attention_on_cpu(query, key, value, mask);
#if TORCH_VERSION_MAJOR >= 2
  return at::scaled_dot_product_attention(query, key, value, {}, 0.0,
                                          mask == AttentionMask::kCausal)
      .transpose(1, 2)
      .flatten(2);
#else
  CHECK(false && "libtorch 1.13 is used on the CPU alone");
#endif
}

}  // namespace atelier::engine
