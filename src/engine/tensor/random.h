// Random numbers equal to PyTorch's CPU generator: a seed gives the numbers that `torch.randn` with
// `torch.Generator().manual_seed(seed)` gives, in fp32, whatever the device or dtype of the job.
// One generator per picture, so that picture i of a batch equals the single picture of seed + i.
// Job thread only. Cannot fail.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

class Generator {
 public:
  explicit Generator(std::uint64_t seed);
  Tensor normal(at::IntArrayRef shape);  // fp32 on the CPU

 private:
  at::Generator generator_;
};

// The noise of one batch. A draw advances every picture's generator by one picture's numbers.
class NoiseSource {
 public:
  NoiseSource(std::uint64_t first_seed, int pictures);
  // `sample` is [pictures, …]; the noise has its shape and device, in fp32.
  Tensor normal_like(const Tensor& sample);
  int pictures() const { return static_cast<int>(generators_.size()); }

 private:
  std::vector<Generator> generators_;
};

}  // namespace atelier::engine
