#include "engine/nn/norm.h"

#include "engine/nn/layer_norm_kernel.h"

namespace atelier::engine {
namespace {

Bound<NormWeights> bind(const Binder& binder, std::int64_t width) {
  return Bound<NormWeights>({binder}, [width](const std::vector<Binder>& places) {
    const Tensor weight = places[0].tensor("weight", {width});
    const Tensor bias = places[0].tensor("bias", {width});
    return NormWeights{weight, bias, weight.to(at::kFloat), bias.to(at::kFloat)};
  });
}

}  // namespace

GroupNorm::GroupNorm(const Binder& binder, std::int64_t groups, std::int64_t channels, double eps)
    : groups_(groups), eps_(eps), bound_(bind(binder, channels)) {}

Tensor GroupNorm::operator()(const Tensor& x, Activation activation) const {
  if (group_norm_kernel_takes(x)) {
    return group_norm_channels_last(x, groups_, bound_->weight_fp32, bound_->bias_fp32, eps_,
                                    activation);
  }
  const auto normed = [&](const Tensor& input, const Tensor& weight, const Tensor& bias) {
    Tensor y = at::group_norm(input, groups_, weight, bias, eps_);
    return activation == Activation::kSilu ? at::silu_(y) : y;
  };
  if (!x.device().is_cpu() || x.scalar_type() == at::kFloat)
    return normed(x, bound_->weight, bound_->bias);
  // libtorch 1.13 adds up long runs of bf16 in bf16: the mean of a picture was a third off.
  return normed(x.to(at::kFloat), bound_->weight_fp32, bound_->bias_fp32).to(x.scalar_type());
}

LayerNorm::LayerNorm(const Binder& binder, std::int64_t width, double eps)
    : eps_(eps), bound_(bind(binder, width)) {}

Tensor LayerNorm::operator()(const Tensor& x) const {
  if (layer_norm_kernel_takes(x))
    return layer_norm_rows(x, bound_->weight_fp32, bound_->bias_fp32, eps_);
  return at::layer_norm(x, {x.size(-1)}, bound_->weight, bound_->bias, eps_);
}

}  // namespace atelier::engine
