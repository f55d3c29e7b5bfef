#include "engine/weights/mapped_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <numeric>
#include <string>

#include "engine/weights/sparse_checkpoint.h"

namespace atelier::engine {
namespace {

constexpr std::size_t kSize = 64 * 4096 + 100;

std::size_t sum_of(const MappedFile& map) {
  return std::accumulate(
      map.bytes().begin(), map.bytes().end(), std::size_t{0},
      [](std::size_t sum, std::byte byte) { return sum + std::to_integer<std::size_t>(byte); });
}

TEST(MappedFile, AFileThatIsCutWhileItIsReadGivesZerosAndIsReported) {
  const TemporaryFolder folder;
  const auto path = folder.write("file", std::string(kSize, '\1'));
  const MappedFile map(path), other(folder.write("other", std::string(kSize, '\1')));
  EXPECT_EQ(sum_of(map), kSize);
  EXPECT_FALSE(map.lost_pages());

  std::filesystem::resize_file(path, 3 * 4096);
  EXPECT_EQ(sum_of(map), 3U * 4096);
  EXPECT_TRUE(map.lost_pages());
  EXPECT_FALSE(other.lost_pages());
  EXPECT_EQ(sum_of(other), kSize);
}

TEST(MappedFile, APlaceIsUsedAgainAndBeginsWhole) {
  const TemporaryFolder folder;
  const auto path = folder.write("file", std::string(kSize, '\1'));
  for (int round = 0; round < 1000; ++round) {
    auto map = std::make_unique<MappedFile>(path);
    EXPECT_FALSE(map->lost_pages());
    if (round % 100 != 0) continue;
    std::filesystem::resize_file(path, 0);
    EXPECT_EQ(sum_of(*map), 0U);
    EXPECT_TRUE(map->lost_pages());
    folder.write("file", std::string(kSize, '\1'));
  }
}

}  // namespace
}  // namespace atelier::engine
