#include "engine/nn/linear.h"

namespace atelier::engine {
namespace {

LinearWeights bind_one(const Binder& binder, std::int64_t in, std::int64_t out, Bias bias) {
  LinearWeights bound;
  bound.weight = binder.tensor("weight", {out, in});
  if (bias == Bias::kYes) bound.bias = binder.tensor("bias", {out});
  return bound;
}

LinearWeights bind_joined(const std::vector<Binder>& places, std::int64_t in,
                          const std::vector<std::int64_t>& outs, Bias bias) {
  const bool packs = places[0].packs_weights();
  std::vector<Tensor> weights, biases;
  for (std::size_t i = 0; i < places.size(); ++i) {
    weights.push_back(packs ? places[i].stored("weight", {outs[i], in})
                            : places[i].borrowed("weight", {outs[i], in}));
    if (bias == Bias::kYes) biases.push_back(places[i].tensor("bias", {outs[i]}));
  }
  LinearWeights bound;
  if (packs) {
    bound.packed = pack_matrix(places[0].arena(), weights, biases);
  } else {
    bound.weight = at::cat(weights, 0);  // [sum of outs, in]
    if (bias == Bias::kYes) bound.bias = at::cat(biases, 0);
  }
  for (const Binder& place : places) place.release("weight");
  return bound;
}

LinearWeights bind_convolution(const Binder& binder, std::int64_t in, std::int64_t out) {
  LinearWeights bound;
  if (binder.packs_weights()) {
    const Tensor weight = binder.stored("weight", {out, in, 1, 1}).reshape({out, in});
    bound.packed = pack_matrix(binder.arena(), {weight}, {binder.tensor("bias", {out})});
    binder.release("weight");
  } else {
    bound.weight = binder.tensor("weight", {out, in, 1, 1}).reshape({out, in});
    bound.bias = binder.tensor("bias", {out});
  }
  return bound;
}

LinearWeights bind_gated(const Binder& binder, std::int64_t in, std::int64_t out) {
  if (!binder.packs_weights()) return bind_one(binder, in, 2 * out, Bias::kYes);
  LinearWeights bound;
  bound.packed = pack_gated_matrix(binder.arena(), binder.stored("weight", {2 * out, in}),
                                   binder.tensor("bias", {2 * out}));
  binder.release("weight");
  return bound;
}

}  // namespace

Linear::Linear(const Binder& binder, std::int64_t in, std::int64_t out, Bias bias)
    : bound_({binder}, [=](const std::vector<Binder>& places) {
        return places[0].packs_weights() ? bind_joined(places, in, {out}, bias)
                                         : bind_one(places[0], in, out, bias);
      }) {}

Linear Linear::joined(const std::vector<Binder>& binders, std::int64_t in,
                      const std::vector<std::int64_t>& outs, Bias bias) {
  return Linear(Bound<LinearWeights>(binders, [=](const std::vector<Binder>& places) {
    return bind_joined(places, in, outs, bias);
  }));
}

Linear Linear::from_convolution(const Binder& binder, std::int64_t in, std::int64_t out) {
  return Linear(Bound<LinearWeights>({binder}, [=](const std::vector<Binder>& places) {
    return bind_convolution(places[0], in, out);
  }));
}

Tensor Linear::operator()(const Tensor& x, const Tensor& residual) const {
  const LinearWeights& bound = *bound_;
  if (bound.packed.defined()) return multiply_packed(x, bound.packed, residual);
  Tensor y = at::linear(x, bound.weight, bound.bias);
  return residual.defined() ? y.add_(residual) : y;
}

GatedLinear::GatedLinear(const Binder& binder, std::int64_t in, std::int64_t out)
    : bound_({binder},
             [=](const std::vector<Binder>& places) { return bind_gated(places[0], in, out); }) {}

Tensor GatedLinear::operator()(const Tensor& x) const {
  const LinearWeights& bound = *bound_;
  if (bound.packed.defined()) return multiply_packed(x, bound.packed);
  const std::vector<Tensor> both = at::linear(x, bound.weight, bound.bias).chunk(2, -1);
  return at::gelu(both[1]).mul_(both[0]);
}

}  // namespace atelier::engine
