#include "engine/models/all_models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "engine/weights/sparse_checkpoint.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

// spec: tensors and parameters of the published models.
struct Count {
  std::size_t tensors;
  std::uint64_t parameters;
};
constexpr Count kSd15Unet{686, 859'520'964}, kSdxlUnet{1680, 2'567'463'684};
constexpr Count kVae{248, 83'653'863}, kClipL{196, 123'060'480}, kBigG{517, 694'659'840};

CheckpointLayout detect_layout(const fs::path& path) {
  return detect_model(CheckpointFiles(path)).layout;
}

std::string family_of(const fs::path& path) {
  return detect_model(CheckpointFiles(path)).family->id;
}

void expect_part(const CheckpointComponent* part, const std::string& list, const Count& count) {
  ASSERT_NE(part, nullptr) << list;
  EXPECT_EQ(part->weights.size(), count.tensors) << list;
  EXPECT_EQ(part->weights.parameters(), count.parameters) << list;
  for (const ListedTensor& tensor : read_tensor_list(list)) {
    const WeightSource* const source = part->weights.find(tensor.name);
    ASSERT_NE(source, nullptr) << list << " lacks " << tensor.name;
    EXPECT_EQ(source->shape(), tensor.shape) << tensor.name;
  }
}

void expect_sd15(const CheckpointLayout& layout) {
  EXPECT_EQ(family_of(layout.path), "sd15");
  expect_part(layout.find("unet"), "unet_sd15", kSd15Unet);
  expect_part(layout.find("vae"), "vae", kVae);
  expect_part(layout.find("text_encoder"), "clip_l", kClipL);
  EXPECT_EQ(layout.find("text_encoder_2"), nullptr);
  EXPECT_THAT(layout.left_over, IsEmpty());
}

void expect_sdxl(const CheckpointLayout& layout) {
  EXPECT_EQ(family_of(layout.path), "sdxl");
  expect_part(layout.find("unet"), "unet_sdxl", kSdxlUnet);
  expect_part(layout.find("vae"), "vae", kVae);
  expect_part(layout.find("text_encoder"), "clip_l", kClipL);
  expect_part(layout.find("text_encoder_2"), "big_g", kBigG);
  EXPECT_THAT(layout.left_over, IsEmpty());
}

// Every tensor of the LDM list lies where the reference's converters put it.
void expect_places(const CheckpointLayout& layout, const std::vector<ListedTensor>& ldm) {
  const struct {
    const CheckpointComponent* part;
    const char *prefix, *list;
  } parts[] = {
      {layout.find("unet"), "model.diffusion_model.",
       layout.find("text_encoder_2") != nullptr ? "unet_sdxl" : "unet_sd15"},
      {layout.find("vae"), "first_stage_model.", "vae"},
      {layout.find("text_encoder"),
       layout.find("text_encoder_2") != nullptr ? "conditioner.embedders.0." : "cond_stage_model.",
       "clip_l"},
      {layout.find("text_encoder_2"), "conditioner.embedders.1.", "big_g"}};
  std::size_t checked = 0;
  for (const auto& entry : parts) {
    if (!entry.part) continue;
    const std::vector<ListedTensor> ours = read_tensor_list(entry.list);
    for (const ListedTensor& tensor : ldm) {
      if (!tensor.name.starts_with(entry.prefix)) continue;
      for (const std::size_t place : tensor.places) {
        const WeightSource* const source = entry.part->weights.find(ours.at(place).name);
        ASSERT_NE(source, nullptr);
        EXPECT_EQ(source->info->name, tensor.name) << ours[place].name;
        ++checked;
      }
    }
  }
  EXPECT_EQ(checked,
            layout.find("text_encoder_2") != nullptr ? 1680u + 248 + 196 + 517 : 686u + 248 + 196);
}

std::vector<ListedTensor> renamed(std::vector<ListedTensor> tensors,
                                  const std::function<void(std::string&)>& rename) {
  for (ListedTensor& tensor : tensors) rename(tensor.name);
  return tensors;
}

void exchange(std::string& text, std::string_view from, std::string_view to) {
  const std::size_t place = text.find(from);
  if (place != std::string::npos) text.replace(place, from.size(), to);
}

constexpr const char* kSd15Index = R"({"_class_name": "StableDiffusionPipeline",
  "scheduler": ["diffusers", "PNDMScheduler"], "safety_checker": [null, null],
  "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
  "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]})";
constexpr const char* kSdxlIndex = R"({"_class_name": "StableDiffusionXLPipeline",
  "force_zeros_for_empty_prompt": true, "scheduler": ["diffusers", "EulerDiscreteScheduler"],
  "text_encoder": ["transformers", "CLIPTextModel"],
  "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
  "tokenizer": ["transformers", "CLIPTokenizer"], "tokenizer_2": ["transformers", "CLIPTokenizer"],
  "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]})";

// As published: fp32, the deprecated names in the VAE, position ids in the text encoder.
void write_sd15_folder(const TemporaryFolder& folder) {
  folder.write("model_index.json", kSd15Index);
  folder.write("unet/config.json", R"({"cross_attention_dim": 768, "sample_size": 64})");
  folder.write("vae/config.json", R"({"latent_channels": 4})");
  folder.write("text_encoder/config.json", R"({"hidden_size": 768})");
  folder.write("tokenizer/vocab.json", "{}");
  folder.write("scheduler/scheduler_config.json", R"({"_class_name": "PNDMScheduler"})");
  const fs::path& root = folder.path();
  write_sparse_safetensors(root / "unet/diffusion_pytorch_model.safetensors",
                           read_tensor_list("unet_sd15"), "F32");
  const auto old_names = [](std::string& name) {
    exchange(name, ".to_q.", ".query.");
    exchange(name, ".to_k.", ".key.");
    exchange(name, ".to_v.", ".value.");
    exchange(name, ".to_out.0.", ".proj_attn.");
  };
  write_sparse_safetensors(root / "vae/diffusion_pytorch_model.safetensors",
                           renamed(read_tensor_list("vae"), old_names), "F32");
  auto text = read_tensor_list("clip_l");
  text.push_back({"text_model.embeddings.position_ids", {1, 77}, {}});
  write_sparse_safetensors(root / "text_encoder/model.safetensors", text, "F32");
}

ErrorCode code_of(const fs::path& path, std::string* sentence = nullptr) {
  try {
    detect_layout(path);
  } catch (const Error& error) {
    if (sentence != nullptr) *sentence = error.what();
    return error.code();
  }
  return ErrorCode::kInternal;
}

TEST(StableDiffusion, ReadsAnSd15Folder) {
  const TemporaryFolder folder;
  write_sd15_folder(folder);
  const CheckpointLayout layout = detect_layout(folder.path());
  expect_sd15(layout);
  EXPECT_EQ(layout.format, "diffusers");
  EXPECT_THAT(layout.training_buffers, testing::ElementsAre("text_model.embeddings.position_ids"));
  EXPECT_EQ(layout.find("tokenizer")->folder, folder.path() / "tokenizer");
  EXPECT_EQ(layout.find("scheduler")->config.at("_class_name"), "PNDMScheduler");
  EXPECT_EQ(layout.find("unet")->config.at("sample_size"), 64);
  EXPECT_FALSE(layout.fingerprint.empty());
}

TEST(StableDiffusion, ReadsAShardedSdxlFolderInHalfPrecision) {
  const TemporaryFolder folder;
  folder.write("model_index.json", kSdxlIndex);
  folder.write("unet/config.json", R"({"addition_embed_type": "text_time"})");
  for (const char* const part : {"vae", "text_encoder", "text_encoder_2"}) {
    folder.write(std::string(part) + "/config.json", "{}");
  }
  for (const char* const part : {"tokenizer", "tokenizer_2"}) {
    folder.write(std::string(part) + "/vocab.json", "{}");
  }
  const fs::path& root = folder.path();
  write_sparse_shards(root / "unet", "diffusion_pytorch_model", read_tensor_list("unet_sdxl"), 2);
  write_sparse_safetensors(root / "vae/diffusion_pytorch_model.fp16.safetensors",
                           read_tensor_list("vae"), "F16");
  // The form that new versions of the reference save: one encoder without the wrapper, one with it.
  write_sparse_safetensors(root / "text_encoder/model.fp16.safetensors",
                           renamed(read_tensor_list("clip_l"),
                                   [](std::string& name) { exchange(name, "text_model.", ""); }),
                           "F16");
  write_sparse_safetensors(root / "text_encoder_2/model.fp16.safetensors",
                           read_tensor_list("big_g"), "F16");
  const CheckpointLayout layout = detect_layout(root);
  expect_sdxl(layout);
  EXPECT_EQ(layout.find("tokenizer_2")->folder, root / "tokenizer_2");

  fs::remove(root / "unet/diffusion_pytorch_model-00002-of-00002.safetensors");
  std::string sentence;
  EXPECT_EQ(code_of(root, &sentence), ErrorCode::kCorruptData);
  EXPECT_THAT(sentence, HasSubstr("00002-of-00002"));
}

TEST(StableDiffusion, ReadsSd15SingleFiles) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "model.safetensors";
  auto tensors = read_tensor_list("ldm_sd15");
  write_sparse_safetensors(path, tensors, "F32");
  const CheckpointLayout layout = detect_layout(path);
  expect_sd15(layout);
  expect_places(layout, tensors);
  EXPECT_EQ(layout.training_buffers.size(), 17u);
  EXPECT_EQ(layout.find("unet")->config.at("attention_head_dim"), 8);
  EXPECT_FALSE(layout.find("vae")->config.contains("scaling_factor"));
  EXPECT_EQ(layout.find("scheduler")->config.at("_class_name"), "PNDMScheduler");
  EXPECT_EQ(layout.find("tokenizer"), nullptr);

  // Old merges lack the wrapper; an inpainting model has nine channels.
  for (ListedTensor& tensor : tensors) {
    exchange(tensor.name, "transformer.text_model.", "transformer.");
    if (tensor.name == "model.diffusion_model.input_blocks.0.0.weight") tensor.shape[1] = 9;
  }
  write_sparse_safetensors(path, tensors, "F16");
  const CheckpointLayout inpaint = detect_layout(path);
  expect_part(inpaint.find("text_encoder"), "clip_l", kClipL);
  EXPECT_EQ(inpaint.find("unet")->config.at("in_channels"), 9);
  EXPECT_EQ(inpaint.find("scheduler")->config.at("_class_name"), "DDIMScheduler");
  EXPECT_THAT(inpaint.left_over, IsEmpty());
}

TEST(StableDiffusion, ReadsSdxlSingleFilesAndTheirMarkers) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "model.safetensors";
  auto tensors = read_tensor_list("ldm_sdxl");
  write_sparse_safetensors(path, tensors, "F16");
  const CheckpointLayout layout = detect_layout(path);
  expect_sdxl(layout);
  expect_places(layout, tensors);
  EXPECT_EQ(layout.find("vae")->config.at("force_upcast"), true);
  EXPECT_EQ(layout.find("scheduler")->config.at("prediction_type"), "epsilon");

  const WeightsView& text = layout.find("text_encoder_2")->weights;
  const WeightSource* const key = text.find("text_model.encoder.layers.3.self_attn.k_proj.weight");
  EXPECT_EQ(key->transform, WeightTransform::kRows);
  EXPECT_EQ(key->part, 1);
  EXPECT_EQ(text.find("text_model.encoder.layers.3.self_attn.q_proj.bias")->part, 0);
  EXPECT_EQ(text.find("text_projection.weight")->transform, WeightTransform::kTranspose);

  tensors.push_back({"v_pred", {0}, {}});
  tensors.push_back({"ztsnr", {0}, {}});
  write_sparse_safetensors(path, tensors, "F16");
  const CheckpointLayout marked = detect_layout(path);
  EXPECT_EQ(marked.find("scheduler")->config.at("prediction_type"), "v_prediction");
  EXPECT_EQ(marked.find("scheduler")->config.at("rescale_betas_zero_snr"), true);
  EXPECT_THAT(marked.left_over, IsEmpty());
}

TEST(StableDiffusion, ReadsTorchArchivesOfBothFamilies) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "model.ckpt";
  write_sparse_torch_archive(path, read_tensor_list("ldm_sd15"));
  expect_sd15(detect_layout(path));
  write_sparse_torch_archive(path, read_tensor_list("ldm_sdxl"));  // 14 GB: needs zip64
  expect_sdxl(detect_layout(path));
}

TEST(StableDiffusion, NamesWhatAMergeBringsAlong) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "model.safetensors";
  auto tensors = read_tensor_list("ldm_sd15");
  tensors.push_back({"embedding_manager.token", {4}, {}});
  write_sparse_safetensors(path, tensors, "F16");
  EXPECT_THAT(detect_layout(path).left_over, testing::ElementsAre("embedding_manager.token"));
}

TEST(StableDiffusion, SaysWhatAFolderLacks) {
  const TemporaryFolder folder;
  std::string sentence;
  EXPECT_EQ(code_of(folder.path() / "nothing"), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(folder.path()), ErrorCode::kUnsupported);
  write_sd15_folder(folder);
  fs::remove(folder.path() / "vae/diffusion_pytorch_model.safetensors");
  EXPECT_EQ(code_of(folder.path(), &sentence), ErrorCode::kCorruptData);
  EXPECT_THAT(sentence, HasSubstr("vae"));
  fs::remove_all(folder.path() / "text_encoder");
  EXPECT_EQ(code_of(folder.path(), &sentence), ErrorCode::kCorruptData);
  folder.write("model_index.json", "{");
  EXPECT_EQ(code_of(folder.path(), &sentence), ErrorCode::kCorruptData);
  EXPECT_THAT(sentence, HasSubstr("model_index.json"));
  folder.write("model_index.json", R"({"_class_name": "FluxPipeline"})");
  EXPECT_EQ(code_of(folder.path(), &sentence), ErrorCode::kUnsupported);
  EXPECT_THAT(sentence, HasSubstr("FluxPipeline"));
}

TEST(StableDiffusion, SaysWhatAForeignFileIs) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "model.safetensors";
  const auto sentence_of = [&](const std::string& name) {
    write_sparse_safetensors(path, {{name, {4, 4}, {}}}, "F16");
    std::string sentence;
    EXPECT_EQ(code_of(path, &sentence), ErrorCode::kUnsupported) << name;
    return sentence;
  };
  EXPECT_THAT(sentence_of("lora_unet_x.lora_up.weight"), HasSubstr("LoRA"));
  EXPECT_THAT(sentence_of("double_blocks.0.img_attn.qkv.weight"), HasSubstr("FLUX"));
  EXPECT_THAT(sentence_of("control_model.x"), HasSubstr("ControlNet"));
  EXPECT_THAT(sentence_of("weight"), HasSubstr("not a checkpoint of a known kind"));
  EXPECT_THAT(sentence_of("model.diffusion_model.input_blocks.0.0.weight"),
              HasSubstr("no published size"));
}

}  // namespace
}  // namespace atelier::engine
