#include "scheduler/model_folders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace atelier::scheduler {
namespace {

using testing::ElementsAre;

class ModelFoldersTest : public testing::Test {
 protected:
  ModelFoldersTest() { std::filesystem::remove_all(root_); }
  ~ModelFoldersTest() override { std::filesystem::remove_all(root_); }

  void make(const std::string& path, const std::string& text = "12345") {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::string at(const std::string& path) const { return (root_ / path).string(); }

  static std::vector<std::string> ids(const ModelFolders& folders) {
    std::vector<std::string> result;
    for (const auto& found : find_model_candidates(folders)) result.push_back(found.id);
    return result;
  }

  std::filesystem::path root_ = testing::TempDir() + "models-" +
                                testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(ModelFoldersTest, ReadsComfyuisLayout) {
  make("models/checkpoints/b.safetensors");
  make("models/checkpoints/sdxl/a.ckpt");
  make("models/checkpoints/notes.txt");
  make("models/diffusers/tiny/model_index.json");
  make("models/diffusers/tiny/unet/weights.safetensors");
  make("models/upscale_models/x4.pth");
  make("models/upscale_models/notes.txt");
  make("models/vision/rater/config.json");
  make("models/vision/open-nsfw.onnx");
  make("models/vision/LICENSE");
  const ModelFolders folders{.layouts = {at("models")}};
  EXPECT_THAT(ids(folders), ElementsAre("checkpoint/b", "checkpoint/sdxl/a", "diffusers/tiny",
                                        "upscale/x4", "vision/open-nsfw", "vision/rater"));
  const auto found = find_model_candidates(folders);
  EXPECT_EQ(found[0].path, at("models/checkpoints/b.safetensors"));
  EXPECT_EQ(found[0].size_bytes, 5);
  EXPECT_EQ(found[2].size_bytes, 10);
  EXPECT_EQ(found[2].source, "models");
}

TEST_F(ModelFoldersTest, TheWeightsBesideAnNcnnFileBelongToIt) {
  make("models/upscale_models/x4.param");
  make("models/upscale_models/x4.bin");
  const ModelFolders folders{.layouts = {at("models")}};
  const auto before = find_model_candidates(folders);
  ASSERT_EQ(before.size(), 1U);
  EXPECT_EQ(before[0].size_bytes, 10);
  std::ofstream(at("models/upscale_models/x4.bin")) << "other weights";
  EXPECT_NE(find_model_candidates(folders)[0].files_version, before[0].files_version);
  EXPECT_NE(files_version_of(at("models/upscale_models/x4.param")), before[0].files_version);
}

TEST_F(ModelFoldersTest, TheStarterPackComesFirstAndKeepsItsName) {
  make("starter/models/diffusers/tiny/model_index.json");
  make("models/diffusers/tiny/model_index.json");
  const auto found = find_model_candidates({.starter = at("starter"), .layouts = {at("models")}});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].source, "starter");
}

TEST_F(ModelFoldersTest, ReadsOtherInstallationsInPlace) {
  make("comfy/models/checkpoints/c.safetensors");
  make("webui/models/Stable-diffusion/d.safetensors");
  make("hub/models--ada--painter/snapshots/0001/model_index.json");
  make("hub/models--ada--talker/snapshots/0001/config.json");
  make("hub/datasets--ada--faces/snapshots/0001/model_index.json");
  EXPECT_THAT(ids({.comfyui = {at("comfy")}, .a1111 = {at("webui")}, .huggingface = {at("hub")}}),
              ElementsAre("checkpoint/c", "checkpoint/d", "hf/ada/painter"));
}

TEST_F(ModelFoldersTest, MissingFoldersHoldNothing) {
  EXPECT_TRUE(ids({.starter = at("no"), .layouts = {at("no")}, .huggingface = {at("no")}}).empty());
  make("file");
  EXPECT_TRUE(ids({.layouts = {at("file")}}).empty());
  make("models/checkpoints/file");
  std::filesystem::create_directory_symlink(root_ / "models", root_ / "models/checkpoints/loop");
  EXPECT_TRUE(ids({.layouts = {at("models")}}).empty());
}

TEST(ModelFolders, ASentenceIsSentWithoutTheFolderOfTheFiles) {
  EXPECT_EQ(without_place("/home/ada/models/diffusers/cut/unet: is missing (/home/ada/models/x)",
                          "/home/ada/models/diffusers/cut"),
            "cut/unet: is missing (/home/ada/models/x)");
  EXPECT_EQ(without_place("/a/b.ckpt: broken; /a/b.ckpt is short", "/a/b.ckpt"),
            "b.ckpt: broken; b.ckpt is short");
  EXPECT_EQ(without_place("/ and /b stay", "/b"), "/ and /b stay");
  EXPECT_EQ(without_place("nothing", ""), "nothing");
}

TEST_F(ModelFoldersTest, TheVersionChangesWithEveryFileOfAModel) {
  make("models/diffusers/tiny/model_index.json");
  make("models/diffusers/tiny/unet/weights.safetensors");
  const auto version = [&] {
    return find_model_candidates({.layouts = {at("models")}}).at(0).files_version;
  };
  auto before = version();
  EXPECT_EQ(version(), before);
  EXPECT_EQ(files_version_of(at("models/diffusers/tiny")), before);
  const auto changed = [&](const char* how) {
    const auto now = version();
    EXPECT_NE(now, before) << how;
    before = now;
  };
  make("models/diffusers/tiny/vae/config.json");
  changed("a new file");
  make("models/diffusers/tiny/unet/weights.safetensors", "123456");
  changed("another size");
  make("models/diffusers/tiny/new", "654321");
  std::filesystem::rename(at("models/diffusers/tiny/new"),
                          at("models/diffusers/tiny/unet/weights.safetensors"));
  changed("another file of the same size");
  std::filesystem::remove(at("models/diffusers/tiny/model_index.json"));
  changed("a file less");
}

}  // namespace
}  // namespace atelier::scheduler
