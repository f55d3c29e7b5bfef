#include "http/body.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "platform/error.h"

namespace atelier::http {
namespace {

TEST(Body, KeepsAShortOneInMemoryAndALongOneOnDisk) {
  MemoryUse use{0};
  BodyWriter small{use, {100, 10, 1000, testing::TempDir()}};
  small.append("0123456789");
  const Body in_memory = small.finish();
  EXPECT_FALSE(in_memory.on_disk());
  EXPECT_EQ(in_memory.text(), "0123456789");
  BodyWriter large{use, {100, 10, 1000, testing::TempDir()}};
  large.append("0123456789");
  EXPECT_TRUE(large.needs_disk(1));
  large.append("abc");
  const Body on_disk = large.finish();
  EXPECT_TRUE(on_disk.on_disk());
  EXPECT_EQ(on_disk.text(), "0123456789abc");
}

TEST(Body, LeavesNoFileBehind) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path{testing::TempDir()} / "atelier-bodies";
  fs::create_directories(folder);
  MemoryUse use{0};
  BodyWriter writer{use, {100, 1, 1000, folder.string()}};
  writer.append("long");
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST(Body, CountsTheBytesOfAllBodies) {
  MemoryUse use{0};
  {
    BodyWriter one{use, {100, 50, 60, testing::TempDir()}};
    one.append(std::string(40, 'x'));
    EXPECT_EQ(use.load(), 40U);
    const Body kept = one.finish();
    EXPECT_EQ(use.load(), 40U);
    BodyWriter two{use, {100, 50, 60, testing::TempDir()}};
    two.append(std::string(40, 'y'));  // would be 80 together
    EXPECT_TRUE(two.finish().on_disk());
    EXPECT_EQ(use.load(), 40U);
  }
  EXPECT_EQ(use.load(), 0U);
}

TEST(Body, RefusesTheByteBeyondTheLimit) {
  MemoryUse use{0};
  BodyWriter writer{use, {10, 100, 1000, testing::TempDir()}};
  writer.append("0123456789");
  try {
    writer.append("x");
    FAIL() << "eleven bytes in ten";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kTooLarge);
  }
}

}  // namespace
}  // namespace atelier::http
