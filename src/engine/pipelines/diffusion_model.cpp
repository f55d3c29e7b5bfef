#include "engine/pipelines/diffusion_model.h"

#include "engine/nn/module.h"
#include "engine/pipelines/job_plan.h"
#include "engine/tokenizers/clip_tokenizer.h"
#include "engine/weights/content_hash.h"
#include "engine/weights/weights.h"
#include "platform/check.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

// Builds networks of a checkpoint's parts; remembers what was read.
class Loader {
 public:
  Loader(const CheckpointLayout& layout, at::Device device) : layout_(layout), device_(device) {
    hash_.add(std::string_view(layout.fingerprint));
  }

  template <class Network, class Config>
  std::unique_ptr<Network> load(const CheckpointComponent& part, const char* name,
                                const Config& config, at::ScalarType dtype) {
    const bool shapes = device_.type() == at::kMeta;
    const ViewSource source(part.weights, name,
                            shapes ? TensorData::kShapesOnly : TensorData::kRead);
    Binder binder(source, dtype, device_);
    auto network = std::make_unique<Network>(config, binder);
    // A tensor that this network has no place for would change what it computes.
    binder.check_all_used();
    source.check_readable();
    hash_.add(source.digest());
    return network;
  }

  TextTower load_tower(const CheckpointComponent& part, const char* name,
                       const std::filesystem::path& tokenizer_folder, std::string_view built_in_pad,
                       at::ScalarType dtype);
  std::unique_ptr<AutoencoderKl> load_vae(const ModelFacts& facts, at::ScalarType dtype) {
    CHECK(layout_.vae);
    return load<AutoencoderKl>(*layout_.vae, "autoencoder", facts.vae, dtype);
  }

  // Of configurations, tokenizers and all weights that were read.
  std::string hash() const { return hash_.hex(); }

 private:
  const CheckpointLayout& layout_;
  at::Device device_;
  ContentHash hash_;
};

TextTower Loader::load_tower(const CheckpointComponent& part, const char* name,
                             const std::filesystem::path& tokenizer_folder,
                             std::string_view built_in_pad, at::ScalarType dtype) {
  const auto tokenizer = std::make_shared<const ClipTokenizer>(
      tokenizer_folder.empty() ? ClipTokenizer::built_in(built_in_pad)
                               : ClipTokenizer::from_folder(tokenizer_folder));
  ClipTextConfig config = ClipTextConfig::from_json(part.config);
  config.with_projection = part.class_name.ends_with("WithProjection");
  TextTower tower;
  tower.encoder = load<ClipText>(part, name, config, dtype);
  tower.tokenize = [tokenizer](std::string_view text) { return tokenizer->encode(text); };
  tower.rules.begin = tokenizer->begin_id();
  tower.rules.end = tokenizer->end_id();
  tower.rules.pad = tokenizer->pad_id();
  tower.rules.comma = tokenizer->id_of(",</w>");
  tower.rules.length = static_cast<std::size_t>(config.max_position_embeddings);
  for (const std::int64_t id : {tower.rules.begin, tower.rules.end, tower.rules.pad}) {
    if (id < config.vocab_size) continue;
    throw Error(ErrorCode::kCorruptData,
                part.weights.where() + " (" + name + "): knows " +
                    std::to_string(config.vocab_size) + " tokens, but its tokenizer uses the id " +
                    std::to_string(id) + ": they belong to different models");
  }
  return tower;
}

[[noreturn]] void refuse_mixture(const CheckpointLayout& layout, const std::string& what) {
  throw Error(ErrorCode::kCorruptData,
              layout.path.string() + ": " + what + ": the parts belong to different models");
}

// Each part may be whole and the model yet none.
void check_parts_fit(const CheckpointLayout& layout, const ModelFacts& facts,
                     const std::vector<TextTower>& towers) {
  constexpr std::int64_t kTimeIds = 6;
  if (facts.unet.text_time && towers.size() < 2) {
    throw Error(ErrorCode::kUnsupported,
                layout.path.string() +
                    ": has no second text encoder (text_encoder_2), which its UNet asks for: the "
                    "model is incomplete, fetch it again");
  }
  if (!facts.unet.text_time && towers.size() > 1) {
    refuse_mixture(layout, "has two text encoders, but its UNet takes one");
  }
  std::int64_t width = 0;
  for (const TextTower& tower : towers) width += tower.encoder->config().hidden_size;
  if (width != facts.unet.cross_attention_dim) {
    refuse_mixture(layout, "its text encoding is " + std::to_string(width) +
                               " wide, but its UNet takes " +
                               std::to_string(facts.unet.cross_attention_dim));
  }
  if (facts.unet.text_time) {
    const ClipTextConfig& last = towers.back().encoder->config();
    const std::int64_t added = (last.with_projection ? last.projection_dim : last.hidden_size) +
                               kTimeIds * facts.unet.addition_time_embed_dim;
    if (added != facts.unet.projection_class_embeddings_input_dim) {
      refuse_mixture(layout, "its pooled text and sizes are " + std::to_string(added) +
                                 " wide, but its UNet takes " +
                                 std::to_string(facts.unet.projection_class_embeddings_input_dim));
    }
  }
  if (facts.unet.out_channels != facts.vae.latent_channels) {
    refuse_mixture(layout, "its UNet makes latents of " + std::to_string(facts.unet.out_channels) +
                               " channels, but its autoencoder takes " +
                               std::to_string(facts.vae.latent_channels));
  }
}

std::int64_t bytes_in(const std::optional<CheckpointComponent>& part, at::ScalarType dtype) {
  return part ? static_cast<std::int64_t>(part->weights.parameters() * c10::elementSize(dtype)) : 0;
}

}  // namespace

DiffusionModel::DiffusionModel(const std::string& id, const CheckpointLayout& layout,
                               at::ScalarType dtype, at::Device device, const Check& check)
    : path_(layout.path),
      version_(layout.version),
      facts_(read_facts(id, layout)),
      dtype_(dtype),
      // SDXL's published autoencoder overflows in 16 bits and says so in its file.
      vae_dtype_(facts_.vae.force_upcast && facts_.vae.force_upcast_given ? at::kFloat : dtype),
      device_(device) {
  // read_facts() refuses a checkpoint without them.
  CHECK(layout.text_encoder && layout.unet && layout.vae);
  Loader loader(layout, device);
  std::vector<TextTower> towers;
  towers.push_back(loader.load_tower(*layout.text_encoder, "text encoder", layout.tokenizer_folder,
                                     "<|endoftext|>", dtype));
  if (layout.text_encoder_2) {
    check();
    towers.push_back(loader.load_tower(*layout.text_encoder_2, "second text encoder",
                                       layout.tokenizer_2_folder, "!", dtype));
  }
  check_parts_fit(layout, facts_, towers);
  prompts_ = std::make_unique<PromptEncoder>(std::move(towers), facts_.zeros_for_absent);
  check();
  unet_ = loader.load<UNet2D>(*layout.unet, "UNet", facts_.unet, dtype);
  check();
  vae_ = loader.load_vae(facts_, vae_dtype_);
  version_.check_unchanged(path_);
  if (device.type() != at::kMeta) facts_.hash = loader.hash().substr(0, facts_.hash.size());
  bytes_ = bytes_in(layout.unet, dtype) + bytes_in(layout.vae, vae_dtype_) +
           bytes_in(layout.text_encoder, dtype) + bytes_in(layout.text_encoder_2, dtype);
}

const AutoencoderKl& DiffusionModel::vae_in_fp32() {
  if (vae_dtype_ == at::kFloat) return *vae_;
  if (fp32_vae_ == nullptr) {
    version_.check_unchanged(path_);
    const CheckpointLayout layout = detect_checkpoint(path_);
    auto vae = Loader(layout, device_).load_vae(facts_, at::kFloat);
    version_.check_unchanged(path_);
    fp32_vae_ = std::move(vae);
  }
  return *fp32_vae_;
}

void DiffusionModel::end_job() {
  fp32_vae_.reset();
  preview_.forget_job();
}

ModelFacts facts_if_it_loads(const std::string& id, const CheckpointLayout& layout) {
  const c10::InferenceMode inference;
  const DiffusionModel shapes(id, layout, at::kFloat, at::kMeta, [] {});
  // The first job may still ask for what the configurations cannot give.
  GenerateJob job;
  job.model.id = id;
  if (shapes.facts().inpaints_by_channels()) job.image = job.mask = media::Image{1, 1, 1, {0}};
  plan_job(shapes.facts(), job).sampler.make();
  return shapes.facts();
}

}  // namespace atelier::engine
