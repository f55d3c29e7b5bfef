#include "engine/tensor/random.h"

namespace atelier::engine {

Generator::Generator(std::uint64_t seed) : generator_(at::detail::createCPUGenerator(seed)) {}

Tensor Generator::normal(at::IntArrayRef shape) {
  return at::randn(shape, generator_, at::TensorOptions().dtype(at::kFloat));
}

NoiseSource::NoiseSource(std::uint64_t first_seed, int pictures) {
  for (int i = 0; i < pictures; ++i) {
    generators_.emplace_back(first_seed + static_cast<std::uint64_t>(i));
  }
}

Tensor NoiseSource::normal_like(const Tensor& sample) {
  std::vector<std::int64_t> one(sample.sizes().begin(), sample.sizes().end());
  one[0] = 1;
  std::vector<Tensor> pictures;
  for (Generator& generator : generators_) {
    pictures.push_back(generator.normal(one));
  }
  return at::cat(pictures).to(sample.device());
}

}  // namespace atelier::engine
