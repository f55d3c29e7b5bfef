#include "platform/file_stamp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

namespace atelier::platform {
namespace {

namespace fs = std::filesystem;

class FileStampTest : public testing::Test {
 protected:
  FileStampTest() { fs::create_directories(folder_); }
  ~FileStampTest() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, const std::string& text) const {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  // Until a change of now has a time stamp of its own.
  static void wait_until_old(const fs::path& path) {
    while (changed_just_now(stamp_of(path).value())) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  fs::path folder_ = fs::path(testing::TempDir()) / ("file-stamp-" + std::to_string(::getpid()));
};

TEST_F(FileStampTest, StaysWhileNobodyWrites) {
  const fs::path path = write("a", "text");
  const auto before = stamp_of(path);
  ASSERT_TRUE(before);
  EXPECT_EQ(before->size, 4U);
  EXPECT_EQ(stamp_of(path), before);
  EXPECT_FALSE(stamp_of(folder_ / "b"));
  EXPECT_FALSE(stamp_of(folder_));
}

TEST_F(FileStampTest, DiffersAfterEveryKindOfReplacement) {
  const fs::path path = write("a", "text");
  auto before = stamp_of(path);
  const auto changed = [&](const char* how) {
    const auto now = stamp_of(path);
    EXPECT_NE(now, before) << how;
    before = now;
    wait_until_old(path);
  };
  wait_until_old(path);
  write("a", "next");
  changed("rewritten with the same size");
  fs::rename(write("b", "more"), path);
  changed("another file under the name");
  const auto time = fs::last_write_time(path);
  write("a", "last");
  fs::last_write_time(path, time);
  changed("rewritten, and the time of modification set back");
  fs::rename(write("b", "link"), folder_ / "target");
  fs::remove(path);
  fs::create_symlink("target", path);
  changed("a link to another file");
}

TEST_F(FileStampTest, CountsAnOldFileAsSettledAndANewOneNot) {
  const fs::path path = write("a", "text");
  EXPECT_TRUE(changed_just_now(stamp_of(path).value()));
  wait_until_old(path);
  EXPECT_FALSE(changed_just_now(stamp_of(path).value()));
}

TEST_F(FileStampTest, ListsTheWantedFilesOfAFolderAndItsSubfolders) {
  write("model_index.json", "{}");
  write("unet/config.json", "{}");
  write("unet/notes.md", "-");
  write("unet/deeper/config.json", "{}");
  write(".git/index.json", "{}");
  const auto stamps =
      stamps_of(folder_, [](const fs::path& path) { return path.extension() == ".json"; });
  EXPECT_THAT(stamps, testing::ElementsAre(testing::Key("model_index.json"),
                                           testing::Key("unet/config.json")));
  const auto version = version_of(stamps);
  EXPECT_EQ(version, version_of(stamps));
  auto other = stamps;
  ++other["unet/config.json"].changed_ns;
  EXPECT_NE(version_of(other), version);
  const auto single = stamps_of(write("a.ckpt", "x"), [](const fs::path&) { return false; });
  EXPECT_THAT(single, testing::ElementsAre(testing::Key("a.ckpt")));
  EXPECT_TRUE(stamps_of(folder_ / "nothing", [](const fs::path&) { return true; }).empty());
}

}  // namespace
}  // namespace atelier::platform
