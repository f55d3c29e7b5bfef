#include "platform/files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "platform/error.h"

namespace atelier::platform {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  Files() : folder_(fs::temp_directory_path() / ("atelier-files-" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
  }
  ~Files() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST_F(Files, WhatIsWrittenIsRead) {
  const std::vector<std::uint8_t> bytes{1, 2, 0, 255};
  write_file_atomically(folder_ / "a", bytes);
  EXPECT_EQ(read_file(folder_ / "a", 100), bytes);
}

TEST_F(Files, WritingReplacesAndLeavesNothingBeside) {
  write_file_atomically(folder_ / "a", std::vector<std::uint8_t>(10, 1));
  write_file_atomically(folder_ / "a", std::vector<std::uint8_t>(2, 7));
  EXPECT_EQ(read_file(folder_ / "a", 100), std::vector<std::uint8_t>(2, 7));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST_F(Files, RefusalsSayWhich) {
  write_file_atomically(folder_ / "a", std::vector<std::uint8_t>(10, 1));
  EXPECT_THROW(read_file(folder_ / "a", 9), Error);
  EXPECT_THROW(read_file(folder_ / "missing", 9), Error);
  EXPECT_THROW(read_file(folder_, 9), Error);
  EXPECT_THROW(write_file_atomically(folder_ / "no" / "such", {}), Error);
}

}  // namespace
}  // namespace atelier::platform
