#include "storage/disk/artifact_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "platform/error.h"

namespace atelier::storage {
namespace {

class ArtifactFolderTest : public testing::Test {
 protected:
  ArtifactFolderTest() { std::filesystem::remove_all(folder_); }
  ~ArtifactFolderTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_ = testing::TempDir() + "artifacts-" +
                                  testing::UnitTest::GetInstance()->current_test_info()->name();
  const std::vector<std::uint8_t> bytes_{1, 2, 3, 0, 255};
};

TEST_F(ArtifactFolderTest, BytesSurviveTheProcessWithTheirType) {
  const auto id = ArtifactFolder(folder_).put(bytes_, "image/jpeg");
  const auto artifact = ArtifactFolder(folder_).get(id);
  EXPECT_EQ(artifact.bytes, bytes_);
  EXPECT_EQ(artifact.media_type, "image/jpeg");
}

TEST_F(ArtifactFolderTest, TheSameBytesAreKeptOnce) {
  ArtifactFolder artifacts(folder_);
  EXPECT_EQ(artifacts.put(bytes_, "image/png"), artifacts.put(bytes_, "image/png"));
  EXPECT_NE(artifacts.put(bytes_, "image/png"), artifacts.put({}, "image/png"));
}

TEST_F(ArtifactFolderTest, ANameThatIsNoIdOpensNothing) {
  ArtifactFolder artifacts(folder_);
  const auto id = artifacts.put(bytes_, "image/png");
  for (const std::string& name : {std::string(""), std::string("../../etc/passwd"), id + "/..",
                                  std::string(32, '0'), std::string(32, '.'), id.substr(1)}) {
    try {
      artifacts.get(name);
      ADD_FAILURE() << name << " was opened";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    }
  }
}

// The sentence of a put() that fails, and nothing left in the folder: 0.
int put_on_a_full_disk(ArtifactFolder& artifacts, const std::filesystem::path& folder) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit none{2, 2};  // a process that may write no byte more stands for a full disk
  setrlimit(RLIMIT_FSIZE, &none);
  std::string sentence;
  try {
    artifacts.put(std::vector<std::uint8_t>(100), "image/png");
  } catch (const Error& error) {
    sentence = error.what();
  }
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    files += entry.is_regular_file() ? 1U : 0U;
  }
  return sentence.find("cannot write") != std::string::npos && files == 0 ? 0 : 1;
}

// In a child process, because the limit stays.
TEST_F(ArtifactFolderTest, AFullDiskIsASentenceAndLeavesNothingBehind) {
  ArtifactFolder artifacts(folder_);
  EXPECT_EXIT(std::exit(put_on_a_full_disk(artifacts, folder_)), testing::ExitedWithCode(0), "");
}

TEST_F(ArtifactFolderTest, AFolderThatCannotBeMadeIsASentence) {
  EXPECT_THROW(ArtifactFolder("/proc/no/such/folder"), Error);
}

}  // namespace
}  // namespace atelier::storage
