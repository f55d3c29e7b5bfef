#include "storage/disk/artifact_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "platform/error.h"

namespace atelier::storage {
namespace {

using domain::ArtifactOrigin;

class ArtifactFolderTest : public testing::Test {
 protected:
  ArtifactFolderTest() { std::filesystem::remove_all(folder_); }
  ~ArtifactFolderTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_ = testing::TempDir() + "artifacts-" +
                                  testing::UnitTest::GetInstance()->current_test_info()->name();
  const std::vector<std::uint8_t> bytes_{1, 2, 3, 0, 255};
};

TEST_F(ArtifactFolderTest, BytesSurviveTheProcessWithTheirType) {
  const auto id = ArtifactFolder(folder_).put(bytes_, "image/jpeg", ArtifactOrigin::kMade);
  const auto artifact = ArtifactFolder(folder_).get(id);
  EXPECT_EQ(artifact.bytes, bytes_);
  EXPECT_EQ(artifact.media_type, "image/jpeg");
}

TEST_F(ArtifactFolderTest, TheSameBytesAreKeptOnce) {
  ArtifactFolder artifacts(folder_);
  EXPECT_EQ(artifacts.put(bytes_, "image/png", ArtifactOrigin::kMade),
            artifacts.put(bytes_, "image/png", ArtifactOrigin::kMade));
  EXPECT_NE(artifacts.put(bytes_, "image/png", ArtifactOrigin::kMade),
            artifacts.put({}, "image/png", ArtifactOrigin::kMade));
}

TEST_F(ArtifactFolderTest, ANameThatIsNotAnIdOpensNothing) {
  ArtifactFolder artifacts(folder_);
  const auto id = artifacts.put(bytes_, "image/png", ArtifactOrigin::kMade);
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
  const rlimit none{2, 2};  // a process at its file size limit stands for a full disk
  setrlimit(RLIMIT_FSIZE, &none);
  std::string sentence;
  try {
    artifacts.put(std::vector<std::uint8_t>(100), "image/png", ArtifactOrigin::kMade);
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

TEST_F(ArtifactFolderTest, SweepingTakesUnnamedUploadsAndHalfWrittenFilesAndNothingElse) {
  ArtifactFolder artifacts(folder_);
  const auto upload = [&](std::uint8_t byte) {
    return artifacts.put(std::vector<std::uint8_t>{byte}, "image/png", ArtifactOrigin::kUploaded);
  };
  const auto made = artifacts.put(bytes_, "image/png", ArtifactOrigin::kMade);
  const auto both = artifacts.put(bytes_, "image/png", ArtifactOrigin::kUploaded);
  const auto named = upload(7);
  const auto unnamed = upload(8);
  EXPECT_EQ(made, both);
  EXPECT_EQ(artifacts.get(named).bytes, std::vector<std::uint8_t>{7});
  for (const auto& path : {folder_ / made.substr(0, 2) / (made + ".png.tmp-77-0"),
                           folder_ / "uploads" / named.substr(0, 2) / (named + ".png.tmp-77-12")}) {
    std::ofstream(path) << "half";
  }
  std::ofstream(folder_ / "uploads" / named.substr(0, 2) / "a person's.txt") << "note";
  const auto swept = artifacts.sweep({named});
  EXPECT_EQ(swept.temporary, 2U);
  EXPECT_EQ(swept.uploads, 2U);
  EXPECT_EQ(artifacts.get(made).bytes, bytes_);  // not named, but a result
  EXPECT_EQ(artifacts.get(named).bytes, std::vector<std::uint8_t>{7});
  EXPECT_THROW(artifacts.get(unnamed), Error);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "uploads" / named.substr(0, 2) / "a person's.txt"));
}

TEST_F(ArtifactFolderTest, PicturesOfStepsAreRemovedWithTheirJobAndSweptWithoutOne) {
  ArtifactFolder artifacts(folder_);
  const auto step = [&](std::uint8_t byte) {
    return artifacts.put(std::vector<std::uint8_t>{byte}, "image/png", ArtifactOrigin::kStep);
  };
  const auto ended = step(1), named = step(2), unnamed = step(3);
  const auto made = artifacts.put(bytes_, "image/png", ArtifactOrigin::kMade);
  const auto upload = artifacts.put(bytes_, "image/png", ArtifactOrigin::kUploaded);
  EXPECT_EQ(artifacts.get(ended).bytes, std::vector<std::uint8_t>{1});
  artifacts.remove_step(ended);
  artifacts.remove_step(ended);  // nothing is there any more
  artifacts.remove_step("../../etc/passwd");
  artifacts.remove_step(made);  // neither a result nor an upload is one
  EXPECT_THROW(artifacts.get(ended), Error);
  EXPECT_EQ(artifacts.get(made).bytes, bytes_);
  const auto swept = artifacts.sweep({named, upload});
  EXPECT_EQ(swept.steps, 1U);
  EXPECT_EQ(swept.uploads, 0U);
  EXPECT_THROW(artifacts.get(unnamed), Error);
  EXPECT_EQ(artifacts.get(named).bytes, std::vector<std::uint8_t>{2});
}

TEST_F(ArtifactFolderTest, AFolderThatCannotBeMadeIsASentence) {
  EXPECT_THROW(ArtifactFolder("/proc/no/such/folder"), Error);
}

}  // namespace
}  // namespace atelier::storage
