#include "engine/weights/model_version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/weights/sparse_checkpoint.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;

std::string complaint(const ModelVersion& version, const fs::path& path) {
  try {
    version.check_unchanged(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kConflict);
    return error.what();
  }
  return "";
}

TEST(ModelVersion, ASingleFileOfTheSameSizeIsAnotherVersion) {
  const TemporaryFolder folder;
  const fs::path path = folder.write("a.safetensors", "12345678");
  const auto before = ModelVersion::of(path);
  EXPECT_EQ(ModelVersion::of(path), before);
  folder.write("a.safetensors", "87654321");  // in place, in the same millisecond perhaps
  EXPECT_THAT(complaint(before, path), testing::HasSubstr("'a.safetensors' was changed"));
  const auto next = ModelVersion::of(path);
  fs::rename(folder.write("b", "87654321"), path);
  EXPECT_NE(ModelVersion::of(path), next);
  fs::remove(path);
  EXPECT_EQ(ModelVersion::of(path), ModelVersion());
}

TEST(ModelVersion, EveryFileOfAFolderCountsAndNoOther) {
  const TemporaryFolder folder;
  const char* const names[] = {"model_index.json",       "unet/config.json",
                               "unet/a.safetensors",     "vae/a-00001-of-2.safetensors",
                               "text_encoder/a.bin",     "tokenizer/merges.txt",
                               "tokenizer_2/vocab.json", "scheduler/scheduler_config.json"};
  for (const char* const name : names) folder.write(name, "old");
  auto before = ModelVersion::of(folder.path());
  for (const char* const name : names) {
    folder.write(name, "new");
    const auto now = ModelVersion::of(folder.path());
    EXPECT_EQ(before.difference(now), name);
    before = now;
  }
  folder.write("unet/diffusion_pytorch_model.safetensors", "appears and would be preferred");
  const auto more = ModelVersion::of(folder.path());
  EXPECT_EQ(before.difference(more), "unet/diffusion_pytorch_model.safetensors");
  folder.write("README.md", "a card");
  folder.write("other.safetensors", "a download");
  folder.write("unet/.cache.json", "a tool's");
  EXPECT_EQ(more.difference(ModelVersion::of(folder.path())), "");
}

TEST(ModelVersion, FilesBesideTheConfigurationOfATransformersFolderCount) {
  const TemporaryFolder folder;
  for (const char* const name : {"config.json", "model.safetensors", "vocab.txt"}) {
    folder.write(name, "old");
  }
  auto before = ModelVersion::of(folder.path());
  for (const char* const name : {"config.json", "model.safetensors", "vocab.txt"}) {
    folder.write(name, "new");
    const auto now = ModelVersion::of(folder.path());
    EXPECT_EQ(before.difference(now), name);
    before = now;
  }
  folder.write("README.md", "a card");
  EXPECT_EQ(before, ModelVersion::of(folder.path()));
}

TEST(ModelVersion, TheWeightsBesideAnNcnnGraphCount) {
  const TemporaryFolder folder;
  const fs::path path = folder.write("net.param", "7767517");
  folder.write("net.bin", "old");
  const auto before = ModelVersion::of(path);
  folder.write("net.bin", "new");
  EXPECT_EQ(before.difference(ModelVersion::of(path)), "net.bin");
}

}  // namespace
}  // namespace atelier::engine
