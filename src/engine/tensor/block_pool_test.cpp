#include "engine/tensor/block_pool.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "platform/system.h"

namespace atelier::engine {
namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20;

TEST(BlockPool, UsesFreedMemoryAgain) {
  BlockPool pool(64 * kMegabyte);
  void* first = pool.take(40 * kMegabyte);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(pool.take(40 * kMegabyte), nullptr);
  pool.give(first);
  EXPECT_EQ(pool.take(40 * kMegabyte), first);
}

TEST(BlockPool, TakesTheSmallestHoleThatIsLargeEnough) {
  BlockPool pool(64 * kMegabyte);
  void* large = pool.take(10 * kMegabyte);
  pool.take(1);
  void* small = pool.take(4 * kMegabyte);
  pool.take(1);
  pool.give(large);
  pool.give(small);
  EXPECT_EQ(pool.take(3 * kMegabyte), small);
}

TEST(BlockPool, JoinsNeighboursInEveryOrder) {
  for (const std::vector<std::size_t>& order :
       {std::vector<std::size_t>{0, 1, 2}, {2, 1, 0}, {0, 2, 1}, {1, 0, 2}}) {
    BlockPool pool(30 * kMegabyte);
    void* blocks[3];
    for (void*& block : blocks) block = pool.take(10 * kMegabyte);
    for (const std::size_t i : order) pool.give(blocks[i]);
    EXPECT_EQ(pool.take(30 * kMegabyte), blocks[0]);
  }
}

TEST(BlockPool, BlocksNeverOverlap) {
  BlockPool pool(64 * kMegabyte);
  std::mt19937 random(5);
  struct Block {
    std::uint8_t* at;
    std::size_t size;
    std::uint8_t mark;
  };
  std::vector<Block> blocks;
  for (int i = 0; i < 3000; ++i) {
    const std::size_t size = 1 + random() % kMegabyte;
    if (auto* at = static_cast<std::uint8_t*>(pool.take(size)); at != nullptr) {
      const auto mark = static_cast<std::uint8_t>(random());
      std::memset(at, mark, size);
      blocks.push_back({at, size, mark});
    }
    if (blocks.size() < 50) continue;
    std::swap(blocks[random() % blocks.size()], blocks.back());
    const Block last = blocks.back();
    ASSERT_EQ(last.at[0], last.mark);
    ASSERT_EQ(last.at[last.size - 1], last.mark);
    pool.give(last.at);
    blocks.pop_back();
  }
}

TEST(BlockPool, TrimGivesFreeMemoryBackAndKeepsTheRest) {
  BlockPool pool(256 * kMegabyte);
  auto* kept = static_cast<std::uint8_t*>(pool.take(kMegabyte));
  void* freed = pool.take(128 * kMegabyte);
  std::memset(kept, 7, kMegabyte);
  std::memset(freed, 7, 128 * kMegabyte);
  pool.give(freed);
  const std::int64_t before = platform::resident_bytes(::getpid());
  pool.trim();
  EXPECT_LT(platform::resident_bytes(::getpid()), before - 120 * std::int64_t{kMegabyte});
  EXPECT_EQ(kept[kMegabyte - 1], 7);
}

TEST(BlockPool, HasNoRoomWhenTheSystemRefuses) {
  BlockPool pool(std::size_t{1} << 60);
  EXPECT_EQ(pool.take(1), nullptr);
}

TEST(BlockPool, CountsWhatIsTakenAndTheMostSinceAReset) {
  BlockPool pool(1 << 20);
  void* const kept = pool.take(5000);
  EXPECT_EQ(pool.in_use(), 8192U);
  pool.give(pool.take(40960));
  EXPECT_EQ(pool.in_use(), 8192U);
  EXPECT_EQ(pool.peak(), 49152U);
  pool.reset_peak();
  EXPECT_EQ(pool.peak(), 8192U);
  pool.give(pool.take(4096));
  EXPECT_EQ(pool.peak(), 12288U);
  pool.give(kept);
  EXPECT_EQ(pool.in_use(), 0U);
}

}  // namespace
}  // namespace atelier::engine
