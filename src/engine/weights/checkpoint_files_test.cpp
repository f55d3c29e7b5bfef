#include "engine/weights/checkpoint_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/weights/component_reader.h"
#include "engine/weights/ldm_names.h"
#include "engine/weights/sparse_checkpoint.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string failure_of(const std::function<void()>& act, ErrorCode expected) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), expected) << error.what();
    return error.what();
  }
  return "";
}

TEST(CheckpointFiles, KnowsTheThreeKindsOfModels) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "model.safetensors";
  write_sparse_safetensors(file, {{"w", {2}, {}}}, "F16");
  EXPECT_EQ(CheckpointFiles(file).kind(), CheckpointFiles::Kind::kSingleFile);
  EXPECT_THAT(failure_of([&] { CheckpointFiles files(folder.path()); }, ErrorCode::kUnsupported),
              HasSubstr("neither a model_index.json"));
  EXPECT_THAT(
      failure_of([&] { CheckpointFiles files(folder.path() / "none"); }, ErrorCode::kNotFound),
      HasSubstr("no such model"));
  folder.write("config.json", "{}");
  EXPECT_EQ(CheckpointFiles(folder.path()).kind(), CheckpointFiles::Kind::kTransformersFolder);
  folder.write("model_index.json", "{}");
  EXPECT_EQ(CheckpointFiles(folder.path()).kind(), CheckpointFiles::Kind::kDiffusersFolder);
  EXPECT_EQ(CheckpointFiles(folder.path()).weights(), nullptr);
}

TEST(CheckpointFiles, ATransformersFolderIsOneComponent) {
  const TemporaryFolder folder;
  write_sparse_safetensors(folder.path() / "model.safetensors",
                           {{"encoder.weight", {4, 2}, {}}, {"encoder.bias", {4}, {}}}, "F16");
  folder.write("config.json", R"({"hidden_size": 2})");
  folder.write("atelier.json", R"({"title": "Small"})");
  const CheckpointLayout layout = CheckpointFiles(folder.path()).one_component("ViTModel");
  EXPECT_EQ(layout.format, "transformers");
  EXPECT_EQ(layout.card.at("title"), "Small");
  ASSERT_NE(layout.find("model"), nullptr);
  const CheckpointComponent& model = *layout.find("model");
  EXPECT_EQ(model.class_name, "ViTModel");
  EXPECT_EQ(model.config.at("hidden_size"), 2);
  EXPECT_EQ(model.weights.find("encoder.weight")->shape(), (std::vector<std::int64_t>{4, 2}));
  EXPECT_EQ(layout.weights_bytes(), 24u);
  // A configuration is a part of the model as well.
  folder.write("config.json", R"({"hidden_size": 4})");
  const CheckpointLayout changed = CheckpointFiles(folder.path()).one_component("ViTModel");
  EXPECT_NE(changed.fingerprint, layout.fingerprint);
  EXPECT_EQ(layout.version.difference(changed.version), "config.json");
}

TEST(CheckpointFiles, ASingleFileIsOneComponent) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "model.safetensors";
  write_sparse_safetensors(file, {{"body.0.weight", {2, 2, 3, 3}, {}}}, "F32");
  const CheckpointLayout layout = CheckpointFiles(file).one_component("RRDBNet");
  EXPECT_EQ(layout.format, "single_file");
  EXPECT_EQ(layout.find("model")->weights.size(), 1u);
  EXPECT_EQ(layout.find("vae"), nullptr);
}

TEST(CheckpointFiles, TakesTitleAndDescriptionOfASingleFileFromItsMetadata) {
  const TemporaryFolder folder;
  const std::string header =
      R"({"__metadata__": {"modelspec.title": "Twice", "modelspec.description": "", "format": "pt"},)"
      R"( "w": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}})";
  std::string file(8, '\0');
  file[0] = static_cast<char>(header.size());
  ASSERT_LT(header.size(), 256u);
  folder.write("model.safetensors", file + header + "x");
  const CheckpointFiles files(folder.path() / "model.safetensors");
  const CheckpointLayout layout = files.one_component("RRDBNet");
  EXPECT_EQ(layout.card.at("title"), "Twice");
  EXPECT_FALSE(layout.card.contains("description"));
}

TEST(CheckpointFiles, ReadsEachFileOnce) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "model.safetensors";
  write_sparse_safetensors(file, {{"w", {2}, {}}}, "F16");
  const CheckpointFiles files(file);
  EXPECT_EQ(files.weights(), files.weights());
}

TEST(ComponentReader, ReadsNamedComponentsAndRefusesOtherClasses) {
  const TemporaryFolder folder;
  folder.write("model_index.json",
               R"({"vae": ["diffusers", "AutoencoderKL"], "image_encoder": [null, null],
                   "tokenizer": ["transformers", "CLIPTokenizer"]})");
  folder.write("vae/config.json", R"({"latent_channels": 4})");
  folder.write("tokenizer/merges.txt", "#version");
  write_sparse_safetensors(folder.path() / "vae/diffusion_pytorch_model.safetensors",
                           {{"encoder.mid_block.attentions.0.query.weight", {4, 4, 1, 1}, {}}},
                           "F16");
  const CheckpointFiles files(folder.path());
  CheckpointLayout layout = files.empty_layout();
  ComponentReader reader(files, layout);
  EXPECT_TRUE(reader.read_network("vae", "AutoencoderKL"));
  EXPECT_FALSE(reader.read_network("image_encoder", "CLIPVisionModel"));
  EXPECT_TRUE(reader.read_tokenizer("tokenizer"));
  EXPECT_THAT(failure_of([&] { reader.read_network("vae", "VQModel"); }, ErrorCode::kUnsupported),
              HasSubstr("'vae' is a AutoencoderKL; only VQModel"));
  reader.finish();
  EXPECT_EQ(layout.components.size(), 2u);
  const WeightsView& weights = layout.find("vae")->weights;
  ASSERT_NE(weights.find("encoder.mid_block.attentions.0.to_q.weight"), nullptr);
  EXPECT_EQ(weights.find("encoder.mid_block.attentions.0.to_q.weight")->shape(),
            (std::vector<std::int64_t>{4, 4}));
  EXPECT_FALSE(layout.fingerprint.empty());
}

TEST(LdmNames, MapsEveryTensorOfPublishedCheckpoints) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "model.safetensors";
  for (const char* const family : {"sd15", "sdxl"}) {
    write_sparse_safetensors(file, read_tensor_list(std::string("ldm_") + family), "F16");
    const LdmParts parts = map_ldm_checkpoint(WeightsFile::open(file));
    EXPECT_THAT(parts.left_over, testing::IsEmpty()) << family;
    EXPECT_EQ(parts.unet.size(), read_tensor_list(std::string("unet_") + family).size());
    EXPECT_EQ(parts.vae.size(), 248u);
  }
}

}  // namespace
}  // namespace atelier::engine
