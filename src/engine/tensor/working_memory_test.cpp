#include "engine/tensor/working_memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>

#include "engine/tensor/torch_compat.h"
#include "platform/system.h"

namespace atelier::engine {
namespace {

constexpr std::int64_t kBytes = std::int64_t{96} << 20;
// A block from the system costs a fault for each page of 4 KiB; the stacks of new OpenMP threads
// cost some 50 each.
constexpr std::int64_t kFaultsMax = kBytes / 4096 / 8;

void use_a_block() { at::zeros({kBytes}, at::kByte); }

std::int64_t faults_of(void (*work)()) {
  rusage before{}, after{};
  ::getrusage(RUSAGE_SELF, &before);
  work();
  ::getrusage(RUSAGE_SELF, &after);
  return after.ru_minflt - before.ru_minflt;
}

class WorkingMemory : public testing::Test {
 protected:
  void SetUp() override { keep_freed_memory(); }
};

TEST_F(WorkingMemory, IsUsedAgainWithoutTheSystem) {
  use_a_block();
  EXPECT_LT(faults_of(use_a_block), kFaultsMax);
  // The job's thread is not the main one.
  std::int64_t faults = 0;
  std::jthread([&] { faults = faults_of(use_a_block); }).join();
  EXPECT_LT(faults, kFaultsMax);
}

TEST_F(WorkingMemory, GoesBackWhenAsked) {
  use_a_block();
  const std::int64_t held = platform::resident_bytes(::getpid());
  give_back_freed_memory();
  EXPECT_LT(platform::resident_bytes(::getpid()), held - kBytes * 9 / 10);
}

// Products allocate scratch memory without a tensor around it.
TEST_F(WorkingMemory, ServesTheLibrarysOwnScratch) {
  c10::Allocator& allocator = *c10::GetAllocator(at::kCPU);
  for (const std::size_t bytes : {std::size_t{64}, std::size_t{1} << 20}) {
    void* block = allocator.raw_allocate(bytes);
    ASSERT_NE(block, nullptr);
    allocator.raw_deallocate(block);
  }
  const Tensor one = at::ones({300, 700}, at::kBFloat16);
  EXPECT_EQ(one.matmul(one.t()).select(0, 7).max().item<float>(), 700);
}

TEST_F(WorkingMemory, TensorsGrowAndOutliveTheirViews) {
  Tensor grown = at::ones({1 << 20});
  grown.resize_({4 << 20}).slice(0, 1 << 20).fill_(2);
  const Tensor tail = grown.slice(0, (4 << 20) - 8);
  grown.reset();
  use_a_block();
  EXPECT_EQ(tail.sum().item<float>(), 16);
}

TEST_F(WorkingMemory, ThePeakIsMeasuredBesideWhatExists) {
  const Tensor model = at::ones({1 << 20});  // 4 MB
  const PeakMeasurement peak;
  EXPECT_EQ(peak.bytes(), 0);
  {
    const Tensor two = at::ones({2 << 20}), one = at::ones({1 << 20});
  }
  const Tensor after = at::ones({1 << 20});
  EXPECT_GE(peak.bytes(), 12 << 20);
  EXPECT_LT(peak.bytes(), 13 << 20);
  EXPECT_EQ(model.numel(), after.numel());
}

TEST_F(WorkingMemory, TwoPeaksAtTheSameTimeAreNotMeasured) {
  PeakMeasurement first;
  {
    const PeakMeasurement second;
    use_a_block();
    EXPECT_EQ(first.bytes(), 0);
    EXPECT_EQ(second.bytes(), 0);
  }
  first.restart();
  use_a_block();
  EXPECT_EQ(first.bytes(), 0);
}

TEST_F(WorkingMemory, APeakIsMeasuredWhileAnotherMeasurementIsSuspended) {
  PeakMeasurement suspended;
  suspended.suspend();
  {
    const PeakMeasurement alone;
    use_a_block();
    EXPECT_GE(alone.bytes(), kBytes);
    suspended.resume();
    EXPECT_EQ(alone.bytes(), 0);
  }
  suspended.restart();
  use_a_block();
  EXPECT_EQ(suspended.bytes(), 0);
}

}  // namespace
}  // namespace atelier::engine
