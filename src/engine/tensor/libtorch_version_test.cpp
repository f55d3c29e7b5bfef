#include "engine/tensor/libtorch_version.h"

#include <gtest/gtest.h>

#include "engine/tensor/torch_compat.h"

namespace atelier::engine {
namespace {

TEST(Libtorch, ComputesAndNamesItsVersion) {
  EXPECT_FALSE(libtorch_version().empty());
  EXPECT_EQ(at::ones({2, 3}).sum().item<float>(), 6.0F);
}

}  // namespace
}  // namespace atelier::engine
