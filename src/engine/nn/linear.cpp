#include "engine/nn/linear.h"

namespace atelier::engine {

Linear::Linear(const Binder& binder, std::int64_t in, std::int64_t out, Bias bias) {
  if (binder.packs_weights()) {
    *this = joined({binder}, in, {out}, bias);
    return;
  }
  weight_ = binder.tensor("weight", {out, in});
  if (bias == Bias::kYes) bias_ = binder.tensor("bias", {out});
}

Linear Linear::joined(const std::vector<Binder>& binders, std::int64_t in,
                      const std::vector<std::int64_t>& outs, Bias bias) {
  const bool packs = binders[0].packs_weights();
  std::vector<Tensor> weights, biases;
  for (std::size_t i = 0; i < binders.size(); ++i) {
    weights.push_back(packs ? binders[i].stored("weight", {outs[i], in})
                            : binders[i].borrowed("weight", {outs[i], in}));
    if (bias == Bias::kYes) biases.push_back(binders[i].tensor("bias", {outs[i]}));
  }
  Linear all;
  if (packs) {
    all.packed_ = pack_matrix(binders[0].arena(), weights, biases);
    for (const Binder& binder : binders) binder.release("weight");
    return all;
  }
  all.weight_ = at::cat(weights, 0);  // [sum of outs, in]
  if (bias == Bias::kYes) all.bias_ = at::cat(biases, 0);
  for (const Binder& binder : binders) binder.release("weight");
  return all;
}

Linear Linear::from_convolution(const Binder& binder, std::int64_t in, std::int64_t out) {
  Linear linear;
  if (binder.packs_weights()) {
    const Tensor weight = binder.stored("weight", {out, in, 1, 1}).reshape({out, in});
    linear.packed_ = pack_matrix(binder.arena(), {weight}, {binder.tensor("bias", {out})});
    binder.release("weight");
    return linear;
  }
  linear.weight_ = binder.tensor("weight", {out, in, 1, 1}).reshape({out, in});
  linear.bias_ = binder.tensor("bias", {out});
  return linear;
}

Tensor Linear::operator()(const Tensor& x, const Tensor& residual) const {
  if (packed_.defined()) return multiply_packed(x, packed_, residual);
  Tensor y = at::linear(x, weight_, bias_);
  return residual.defined() ? y.add_(residual) : y;
}

GatedLinear::GatedLinear(const Binder& binder, std::int64_t in, std::int64_t out) {
  if (binder.packs_weights()) {
    packed_ = pack_gated_matrix(binder.arena(), binder.stored("weight", {2 * out, in}),
                                binder.tensor("bias", {2 * out}));
    binder.release("weight");
    return;
  }
  weight_ = binder.tensor("weight", {2 * out, in});
  bias_ = binder.tensor("bias", {2 * out});
}

Tensor GatedLinear::operator()(const Tensor& x) const {
  if (packed_.defined()) return multiply_packed(x, packed_);
  const std::vector<Tensor> both = at::linear(x, weight_, bias_).chunk(2, -1);
  return at::gelu(both[1]).mul_(both[0]);
}

}  // namespace atelier::engine
