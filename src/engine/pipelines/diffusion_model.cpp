#include "engine/pipelines/diffusion_model.h"

#include "engine/nn/module.h"
#include "engine/tokenizers/clip_tokenizer.h"
#include "engine/weights/weights.h"
#include "platform/check.h"

namespace atelier::engine {
namespace {

TextTower load_tower(const CheckpointComponent& part, const std::filesystem::path& tokenizer_folder,
                     std::string_view built_in_pad, at::ScalarType dtype, at::Device device) {
  const auto tokenizer = std::make_shared<const ClipTokenizer>(
      tokenizer_folder.empty() ? ClipTokenizer::built_in(built_in_pad)
                               : ClipTokenizer::from_folder(tokenizer_folder));
  const ViewSource source(part.weights);
  Binder binder(source, dtype, device);
  TextTower tower;
  tower.encoder = std::make_shared<const ClipText>(ClipTextConfig::from_json(part.config), binder);
  tower.tokenize = [tokenizer](std::string_view text) { return tokenizer->encode(text); };
  tower.rules.begin = tokenizer->begin_id();
  tower.rules.end = tokenizer->end_id();
  tower.rules.pad = tokenizer->pad_id();
  tower.rules.comma = tokenizer->id_of(",</w>");
  tower.rules.length = static_cast<std::size_t>(tower.encoder->config().max_position_embeddings);
  return tower;
}

std::int64_t bytes_in(const std::optional<CheckpointComponent>& part, at::ScalarType dtype) {
  return part ? static_cast<std::int64_t>(part->weights.parameters() * c10::elementSize(dtype)) : 0;
}

}  // namespace

DiffusionModel::DiffusionModel(const std::string& id, CheckpointLayout layout, at::ScalarType dtype,
                               at::Device device, const Check& check)
    : layout_(std::move(layout)),
      facts_(read_facts(id, layout_)),
      dtype_(dtype),
      vae_dtype_(dtype),
      device_(device) {
  // read_facts() refuses a checkpoint without them.
  CHECK(layout_.text_encoder && layout_.unet && layout_.vae);
  std::vector<TextTower> towers;
  towers.push_back(
      load_tower(*layout_.text_encoder, layout_.tokenizer_folder, "<|endoftext|>", dtype, device));
  if (layout_.text_encoder_2) {
    check();
    towers.push_back(
        load_tower(*layout_.text_encoder_2, layout_.tokenizer_2_folder, "!", dtype, device));
  }
  prompts_ = std::make_unique<PromptEncoder>(std::move(towers), facts_.zeros_for_absent);
  check();
  {
    const ViewSource source(layout_.unet->weights);
    Binder binder(source, dtype, device);
    unet_ = std::make_unique<UNet2D>(facts_.unet, binder);
  }
  check();
  // SDXL's published autoencoder overflows in 16 bits and says so in its file.
  load_vae(facts_.vae.force_upcast && facts_.vae.force_upcast_given ? at::kFloat : dtype);
  bytes_ = bytes_in(layout_.unet, dtype) + bytes_in(layout_.vae, vae_dtype_) +
           bytes_in(layout_.text_encoder, dtype) + bytes_in(layout_.text_encoder_2, dtype);
}

void DiffusionModel::load_vae(at::ScalarType dtype) {
  CHECK(layout_.vae);
  const ViewSource source(layout_.vae->weights);
  Binder binder(source, dtype, device_);
  vae_ = std::make_unique<AutoencoderKl>(facts_.vae, binder);
  vae_dtype_ = dtype;
}

void DiffusionModel::move_vae_to_fp32() { load_vae(at::kFloat); }

}  // namespace atelier::engine
