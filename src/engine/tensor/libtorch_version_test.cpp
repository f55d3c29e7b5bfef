#include "engine/tensor/libtorch_version.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "engine/tensor/torch_compat.h"

namespace atelier::engine {
namespace {

TEST(Libtorch, ComputesAndNamesItsVersion) {
  EXPECT_FALSE(libtorch_version().empty());
  EXPECT_EQ(at::ones({2, 3}).sum().item<float>(), 6.0F);
}

// Compiled without OpenMP libtorch's headers run everything on the calling thread.
TEST(LibtorchThreads, ShareParallelWork) {
  const int before = at::get_num_threads();
  at::set_num_threads(2);
  std::array<std::thread::id, 2> ids;
  at::parallel_for(0, 2, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      ids.at(static_cast<std::size_t>(i)) = std::this_thread::get_id();
    }
  });
  at::set_num_threads(before);
  EXPECT_NE(ids[0], ids[1]);
}

}  // namespace
}  // namespace atelier::engine
