#include "engine/pipelines/guidance.h"

#include <gtest/gtest.h>

namespace atelier::engine {
namespace {

Tensor both() { return at::sin(at::arange(2 * 2 * 4 * 3 * 3, at::kFloat)).reshape({4, 4, 3, 3}); }

TEST(Guidance, MovesFromTheNegativeToThePositiveHalf) {
  EXPECT_TRUE(at::allclose(guided(both(), 1, 0), both().slice(0, 2), 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(guided(both(), 0, 0), both().slice(0, 0, 2)));
  const Tensor expected =
      both().slice(0, 0, 2) + (both().slice(0, 2) - both().slice(0, 0, 2)) * 7.5;
  EXPECT_TRUE(at::allclose(guided(both(), 7.5, 0), expected));
}

TEST(Guidance, FullRescaleGivesThePositiveHalfsContrast) {
  const Tensor result = guided(both(), 7.5, 1);
  for (int i = 0; i < 2; ++i) {
    EXPECT_NEAR(result[i].std().item<float>(), both()[i + 2].std().item<float>(), 1e-5);
  }
}

}  // namespace
}  // namespace atelier::engine
