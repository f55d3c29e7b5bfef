#include "engine/nn/linear.h"

namespace atelier::engine {

Linear::Linear(const Binder& binder, std::int64_t in, std::int64_t out, Bias bias)
    : weight_(binder.tensor("weight", {out, in})) {
  if (bias == Bias::kYes) bias_ = binder.tensor("bias", {out});
}

Linear Linear::joined(const std::vector<Binder>& binders, std::int64_t in,
                      const std::vector<std::int64_t>& outs, Bias bias) {
  std::vector<Tensor> weights, biases;
  for (std::size_t i = 0; i < binders.size(); ++i) {
    const Linear one(binders[i], in, outs[i], bias);
    weights.push_back(one.weight_);
    if (bias == Bias::kYes) biases.push_back(one.bias_);
  }
  Linear all;
  all.weight_ = at::cat(weights, 0);  // [sum of outs, in]
  if (bias == Bias::kYes) all.bias_ = at::cat(biases, 0);
  return all;
}

Linear Linear::from_convolution(const Binder& binder, std::int64_t in, std::int64_t out) {
  Linear linear;
  linear.weight_ = binder.tensor("weight", {out, in, 1, 1}).reshape({out, in});
  linear.bias_ = binder.tensor("bias", {out});
  return linear;
}

Tensor Linear::operator()(const Tensor& x) const { return at::linear(x, weight_, bias_); }

}  // namespace atelier::engine
