// Scaled dot product attention that never keeps the full matrix of scores: kernels of our own on
// the CPU (bf16 where the processor multiplies it), libtorch's on other devices. Softmax and sums
// are fp32 also for 16-bit inputs. Called from the job thread; uses libtorch's threads inside.
#pragma once

#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

enum class AttentionMask { kNone, kCausal };

// Views [batch, tokens, heads * width] as [batch, heads, tokens, width]; no copy.
Tensor split_heads(const Tensor& x, std::int64_t heads);

// query [batch, heads, n, width], key and value [batch, heads, m, width], any strides with a
// contiguous last dimension -> [batch, n, heads * width]. Scores are scaled by width^-0.5.
Tensor attention(const Tensor& query, const Tensor& key, const Tensor& value,
                 AttentionMask mask = AttentionMask::kNone);

}  // namespace atelier::engine
