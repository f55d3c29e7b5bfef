#include "engine/nn/norm.h"

#include "engine/nn/layer_norm_kernel.h"

namespace atelier::engine {

GroupNorm::GroupNorm(const Binder& binder, std::int64_t groups, std::int64_t channels, double eps)
    : groups_(groups),
      eps_(eps),
      weight_(binder.tensor("weight", {channels})),
      bias_(binder.tensor("bias", {channels})),
      weight_fp32_(weight_.to(at::kFloat)),
      bias_fp32_(bias_.to(at::kFloat)) {}

Tensor GroupNorm::operator()(const Tensor& x, Activation activation) const {
  if (group_norm_kernel_takes(x)) {
    return group_norm_channels_last(x, groups_, weight_fp32_, bias_fp32_, eps_, activation);
  }
  const auto normed = [&](const Tensor& input, const Tensor& weight, const Tensor& bias) {
    Tensor y = at::group_norm(input, groups_, weight, bias, eps_);
    return activation == Activation::kSilu ? at::silu_(y) : y;
  };
  if (!x.device().is_cpu() || x.scalar_type() == at::kFloat) return normed(x, weight_, bias_);
  // libtorch 1.13 adds up long runs of bf16 in bf16: the mean of a picture was a third off.
  return normed(x.to(at::kFloat), weight_fp32_, bias_fp32_).to(x.scalar_type());
}

LayerNorm::LayerNorm(const Binder& binder, std::int64_t width, double eps)
    : eps_(eps),
      weight_(binder.tensor("weight", {width})),
      bias_(binder.tensor("bias", {width})),
      weight_fp32_(weight_.to(at::kFloat)),
      bias_fp32_(bias_.to(at::kFloat)) {}

Tensor LayerNorm::operator()(const Tensor& x) const {
  if (layer_norm_kernel_takes(x)) return layer_norm_rows(x, weight_fp32_, bias_fp32_, eps_);
  return at::layer_norm(x, {x.size(-1)}, weight_, bias_, eps_);
}

}  // namespace atelier::engine
