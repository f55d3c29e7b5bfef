// Files that others wrote (tools/test_real). Each test skips where its file was not fetched.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "engine/weights/weights_file.h"

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;

fs::path real_file(const char* name) {
  const char* const folder = std::getenv("ATELIER_REAL_FILES");
  if (folder == nullptr) return {};
  const fs::path path = fs::path(folder) / name;
  return fs::exists(path) ? path : fs::path();
}

TEST(RealFiles, ReadsAPublishedHalfPrecisionModel) {
  const fs::path path = real_file("minilm.fp16.safetensors");
  if (path.empty()) GTEST_SKIP() << "minilm.fp16.safetensors was not fetched";
  const auto file = WeightsFile::open(path);
  EXPECT_EQ(file->format(), "safetensors");
  std::size_t layers = 0;
  for (const TensorInfo& tensor : file->tensors()) {
    layers += tensor.name.ends_with("attention.self.query.weight") ? 1u : 0u;
  }
  EXPECT_EQ(layers, 6u);
  EXPECT_TRUE(std::all_of(file->tensors().begin(), file->tensors().end(), [](const TensorInfo& t) {
    return t.dtype == WeightDtype::kF16 || t.dtype == WeightDtype::kI64;
  }));
}

TEST(RealFiles, ReadsPublishedPickles) {
  int read = 0;
  for (const char* const name : {"gaussian_blur.pth", "AnimeSR_v2.pth", "amt-s.pth"}) {
    const fs::path path = real_file(name);
    if (path.empty()) continue;
    const auto file = WeightsFile::open(path);
    EXPECT_EQ(file->format(), "pickle") << name;
    EXPECT_FALSE(file->tensors().empty()) << name;
    for (const TensorInfo& tensor : file->tensors()) {
      EXPECT_EQ(file->bytes(tensor).size(), tensor.bytes) << name << " " << tensor.name;
    }
    ++read;
  }
  if (read == 0) GTEST_SKIP() << "none of the pickles was fetched";
}

TEST(RealFiles, CommitsTheMergesAsPublished) {
  const fs::path path = real_file("bpe_simple_vocab_16e6.txt");
  if (path.empty()) GTEST_SKIP() << "bpe_simple_vocab_16e6.txt was not fetched";
  std::ifstream published(path),
      committed(ATELIER_SOURCE_DIR "/src/engine/tokenizers/data/clip_merges.txt");
  std::string theirs, ours;
  std::getline(published, theirs);  // the version
  int lines = 0;
  while (std::getline(committed, ours)) {
    ASSERT_TRUE(std::getline(published, theirs));
    ASSERT_EQ(ours, theirs) << "line " << lines;
    ++lines;
  }
  EXPECT_EQ(lines, 48894);
}

}  // namespace
}  // namespace atelier::engine
