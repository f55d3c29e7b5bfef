#include "engine/pipelines/guidance.h"

namespace atelier::engine {

Tensor guided(const Tensor& both, double scale, double rescale) {
  const auto halves = both.chunk(2, 0);
  Tensor mixed = halves[0] + (halves[1] - halves[0]) * scale;
  if (rescale <= 0) {
    return mixed;
  }
  const Tensor wanted = halves[1].std({1, 2, 3}, /*unbiased=*/true, /*keepdim=*/true);
  const Tensor had = mixed.std({1, 2, 3}, /*unbiased=*/true, /*keepdim=*/true);
  return mixed * (wanted / had) * rescale + mixed * (1 - rescale);
}

}  // namespace atelier::engine
