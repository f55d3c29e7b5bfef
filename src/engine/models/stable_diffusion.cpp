// The families Stable Diffusion 1.5 and SDXL: diffusers folders of any size, and single files (LDM
// layout) of the published sizes. Reference: diffusers StableDiffusionPipeline and
// StableDiffusionXLPipeline (Apache-2.0). The networks are in unet2d, autoencoder_kl and clip_text.
#include <algorithm>
#include <boost/json.hpp>

#include "engine/models/component_loader.h"
#include "engine/models/denoiser.h"
#include "engine/models/stable_diffusion_configs.h"
#include "engine/tokenizers/clip_tokenizer.h"
#include "engine/weights/component_reader.h"
#include "engine/weights/ldm_names.h"
#include "engine/weights/relatives.h"
#include "platform/ascii.h"
#include "platform/check.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

enum class Kind { kSd15, kSdxl };

const char* title_of(Kind kind) { return kind == Kind::kSdxl ? "SDXL" : "Stable Diffusion 1.5"; }

[[noreturn]] void refuse(const CheckpointFiles& files, const std::string& what) {
  throw Error(ErrorCode::kUnsupported, files.path().string() + ": " + what);
}

// ---- Single files

constexpr std::string_view kUnet = "model.diffusion_model.";
constexpr std::string_view kConvIn = "model.diffusion_model.input_blocks.0.0.weight";
constexpr std::string_view kFirstCrossKey =
    "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight";
// SDXL's conditioning on sizes; SD1.5 has none.
constexpr std::string_view kSizeEmbedding = "model.diffusion_model.label_emb.0.0.weight";

bool has_start(const WeightsFile& weights, std::string_view start) {
  return std::any_of(weights.tensors().begin(), weights.tensors().end(),
                     [&](const TensorInfo& tensor) { return tensor.name.starts_with(start); });
}

// A checkpoint of one of the two families, and not of a relative that shares its first convolution:
// adapters, ControlNets, Stable Diffusion 2 and 3, the SDXL refiner, EDM.
bool is_ldm_checkpoint(const WeightsFile& weights) {
  constexpr std::string_view kOthers[] = {"lora_",
                                          "unet.down_blocks.",
                                          "control_model.",
                                          "model.diffusion_model.joint_blocks.",
                                          "model.diffusion_model.double_blocks.",
                                          "double_blocks.",
                                          "cond_stage_model.model.",
                                          "conditioner.embedders.0.model.",
                                          "edm_mean",
                                          "edm_std",
                                          "edm_vpred.sigma_max"};
  return weights.find(kConvIn) != nullptr &&
         std::none_of(std::begin(kOthers), std::end(kOthers),
                      [&](std::string_view start) { return has_start(weights, start); });
}

std::int64_t extent(const WeightsFile& weights, std::string_view name, std::size_t dimension) {
  const TensorInfo* const tensor = weights.find(name);
  return tensor != nullptr && dimension < tensor->shape.size() ? tensor->shape[dimension] : 0;
}

void check_size(const CheckpointFiles& files, const WeightsFile& weights, Kind kind) {
  constexpr std::int64_t kWidth = 320;  // of both families' first convolution
  const bool sdxl = kind == Kind::kSdxl;
  const std::int64_t width = extent(weights, kConvIn, 0), channels = extent(weights, kConvIn, 1);
  const std::int64_t context = extent(weights, sdxl ? kSizeEmbedding : kFirstCrossKey, 1);
  if (width != kWidth || context != (sdxl ? 2816 : 768)) {
    refuse(files, "is of no published size (first convolution " + std::to_string(width) +
                      " wide, conditioning " + std::to_string(context) +
                      "): give it as a diffusers folder, which holds the configuration");
  }
  if (channels != 4 && channels != 9) {
    refuse(files,
           "takes " + std::to_string(channels) + " input channels; 4 and 9 (inpainting) are known");
  }
}

// The last layers of each level and the middle: what distilled models leave out.
void check_blocks(const CheckpointFiles& files, const WeightsFile& weights, Kind kind) {
  const bool sdxl = kind == Kind::kSdxl;
  const std::vector<std::string> blocks =
      sdxl
          ? std::vector<std::string>{"input_blocks.2.0.",
                                     "input_blocks.5.1.transformer_blocks.1.",
                                     "input_blocks.8.1.transformer_blocks.9.",
                                     "middle_block.1.transformer_blocks.9.",
                                     "middle_block.2.",
                                     "output_blocks.2.1.transformer_blocks.9.",
                                     "output_blocks.5.1.transformer_blocks.1.",
                                     "output_blocks.8.0."}
          : std::vector<std::string>{"input_blocks.8.1.transformer_blocks.0.", "input_blocks.11.0.",
                                     "middle_block.1.transformer_blocks.0.", "middle_block.2.",
                                     "output_blocks.11.1.transformer_blocks.0."};
  for (const std::string& block : blocks) {
    if (has_start(weights, std::string(kUnet) + block)) continue;
    refuse(files, std::string("has fewer blocks than ") + title_of(kind) + " (no '" + block +
                      "…'): a distilled relative such as " +
                      (sdxl ? "SSD-1B, Segmind Vega or KOALA" : "BK-SDM, small-sd or SDXS") +
                      ", which is not run here, or an incomplete file");
  }
}

void check_parts(const CheckpointFiles& files, const LdmParts& parts, Kind kind) {
  const bool sdxl = kind == Kind::kSdxl;
  std::string missing;
  const auto need = [&](const WeightsView& part, const char* name) {
    if (part.empty()) missing += (missing.empty() ? "no " : " and no ") + std::string(name);
  };
  need(parts.text_encoder, sdxl ? "first text encoder (CLIP-L)" : "text encoder (CLIP-L)");
  if (sdxl) need(parts.text_encoder_2, "second text encoder (OpenCLIP bigG)");
  need(parts.vae, "autoencoder (VAE)");
  if (missing.empty()) return;
  refuse(files, "has " + missing +
                    " inside: files without them are not put together here; use the full "
                    "checkpoint or a diffusers folder");
}

// Tensors without data by which fine-tunes declare how they were trained.
void apply_markers(const WeightsFile& weights, boost::json::object& scheduler) {
  if (weights.find("v_pred") != nullptr) scheduler["prediction_type"] = "v_prediction";
  if (weights.find("ztsnr") != nullptr) {
    scheduler["rescale_betas_zero_snr"] = true;
    scheduler["timestep_spacing"] = "trailing";
  }
}

CheckpointLayout read_single_file(const CheckpointFiles& files,
                                  const std::shared_ptr<const WeightsFile>& weights, Kind kind) {
  check_size(files, *weights, kind);
  check_blocks(files, *weights, kind);
  const std::int64_t channels = extent(*weights, kConvIn, 1);
  PublishedFamily published = kind == Kind::kSdxl ? published_sdxl() : published_sd15();
  LdmParts parts = map_ldm_checkpoint(weights);
  check_parts(files, parts, kind);
  published.unet["in_channels"] = channels;
  boost::json::object scheduler =
      channels == 9 ? std::move(published.inpaint_scheduler) : std::move(published.scheduler);
  apply_markers(*weights, scheduler);

  CheckpointLayout layout = files.empty_layout();
  auto& components = layout.components;
  components["unet"] = {
      "UNet2DConditionModel", std::move(published.unet), std::move(parts.unet), {}};
  components["vae"] = {"AutoencoderKL", std::move(published.vae), std::move(parts.vae), {}};
  components["text_encoder"] = {
      "CLIPTextModel", std::move(published.text_encoder), std::move(parts.text_encoder), {}};
  if (kind == Kind::kSdxl) {
    components["text_encoder_2"] = {"CLIPTextModelWithProjection",
                                    std::move(published.text_encoder_2),
                                    std::move(parts.text_encoder_2),
                                    {}};
  }
  components["scheduler"].config = std::move(scheduler);
  layout.training_buffers = std::move(parts.training_buffers);
  layout.left_over = std::move(parts.left_over);
  layout.fingerprint = weights->fingerprint();
  return layout;
}

// ---- Diffusers folders

bool is_text_time(const boost::json::object& unet) {
  const boost::json::value* const type = unet.if_contains("addition_embed_type");
  return type != nullptr && *type == "text_time";
}

CheckpointLayout read_folder(const CheckpointFiles& files) {
  CheckpointLayout layout = files.empty_layout();
  ComponentReader reader(files, layout);
  reader.read_network("unet", "UNet2DConditionModel");
  reader.read_network("vae", "AutoencoderKL");
  const bool has_text = reader.read_network("text_encoder", "CLIPTextModel");
  reader.read_network("text_encoder_2", "CLIPTextModel");
  if (!has_text) {
    refuse(files,
           "its model_index.json names no first text encoder (text_encoder), as a refiner's: give "
           "a base model");
  }
  reader.read_tokenizer("tokenizer");
  reader.read_tokenizer("tokenizer_2");
  reader.read_scheduler();
  reader.finish();
  return layout;
}

// Empty: the files are not of this kind.
std::optional<CheckpointLayout> read_layout(const CheckpointFiles& files, Kind kind) {
  std::optional<CheckpointLayout> layout;
  if (files.kind() == CheckpointFiles::Kind::kSingleFile) {
    const std::shared_ptr<const WeightsFile> weights = files.weights();
    if (!is_ldm_checkpoint(*weights)) return std::nullopt;
    const bool sdxl = weights->find(kSizeEmbedding) != nullptr;
    if (sdxl != (kind == Kind::kSdxl)) return std::nullopt;
    layout = read_single_file(files, weights, kind);
  } else if (files.kind() == CheckpointFiles::Kind::kDiffusersFolder) {
    if (!files.class_of("unet").starts_with("UNet2DConditionModel") ||
        files.class_of("vae").empty()) {
      return std::nullopt;
    }
    const bool sdxl = is_text_time(files.json("unet/config.json"));
    if (sdxl != (kind == Kind::kSdxl)) return std::nullopt;
    layout = read_folder(files);
  } else {
    return std::nullopt;
  }
  constexpr struct {
    const char *name, *title;
  } kParts[] = {{"unet", "UNet"},
                {"vae", "autoencoder"},
                {"text_encoder", "text encoder"},
                {"text_encoder_2", "second text encoder"}};
  for (const auto& part : kParts) {
    const CheckpointComponent* const component = layout->find(part.name);
    if (component != nullptr) refuse_unknown_computation(component->weights, part.title);
  }
  return layout;
}

// ---- Card and facts

const boost::json::object& config_of(const CheckpointLayout& layout, std::string_view component) {
  static const boost::json::object none;
  const CheckpointComponent* const found = layout.find(component);
  return found == nullptr ? none : found->config;
}

bool has_dual_text_encoder(const CheckpointLayout& layout) {
  return layout.find("text_encoder_2") != nullptr;
}

// Few-step fine-tunes are recognised by their names: their published cards recommend 4 to 8 steps
// and a guidance of 1 to 2.
bool has_few_steps(const card::ModelCard& card, const CheckpointLayout& layout) {
  const std::string text = platform::lower(card.id + " " + layout.path.stem().string());
  return text.find("lightning") != std::string::npos || text.find("turbo") != std::string::npos;
}

// Whether an absent negative prompt is zeros. Absent key: the default of the SDXL pipeline's
// constructor; single files have no model_index.json.
bool zeros_for_absent(const CheckpointLayout& layout) {
  const boost::json::value* const zeros =
      layout.model_index.if_contains("force_zeros_for_empty_prompt");
  return has_dual_text_encoder(layout) &&
         (zeros == nullptr || !zeros->is_bool() || zeros->as_bool());
}

DenoiserFacts read_facts(const card::ModelCard& card, const CheckpointLayout& layout) {
  DenoiserFacts facts;
  facts.dual_text_encoder = has_dual_text_encoder(layout);
  facts.zeros_for_absent = zeros_for_absent(layout);
  facts.in_channels = UNet2DConfig::from_json(config_of(layout, "unet")).in_channels;
  facts.vae = AutoencoderKlConfig::from_json(config_of(layout, "vae"));
  facts.scheduler_config = config_of(layout, "scheduler");
  if (facts.dual_text_encoder) {
    facts.default_guidance = 5.0;
    facts.default_strength = 0.3;
  } else {
    // The SD1.5 pipelines of diffusers set both, whatever is in the file.
    facts.scheduler_config["steps_offset"] = 1;
    facts.scheduler_config["clip_sample"] = false;
  }
  if (has_few_steps(card, layout)) {
    facts.default_steps = 6;
    facts.default_guidance = 1.5;
  }
  facts.default_steps = integer_or(layout.card, "default_steps", 1, 1000, facts.default_steps);
  facts.default_guidance =
      number_or(layout.card, "default_guidance", 0.0, 100.0, facts.default_guidance);
  facts.default_strength =
      number_or(layout.card, "default_strength", 0.01, 1.0, facts.default_strength);
  facts.default_sampler = text_or(layout.card, "default_sampler", "");
  facts.default_schedule = text_or(layout.card, "default_schedule", "");
  return facts;
}

bool is_sd2(const boost::json::object& unet) {
  const boost::json::value* const width = unet.if_contains("cross_attention_dim");
  return width != nullptr && *width == 1024;
}

card::ModelCard make_card(const CheckpointFiles& files, const CheckpointLayout& layout, Kind kind) {
  const boost::json::object& unet = config_of(layout, "unet");
  const UNet2DConfig unet_config = UNet2DConfig::from_json(unet);
  const AutoencoderKlConfig vae = AutoencoderKlConfig::from_json(config_of(layout, "vae"));
  card::ModelCard card = card_of_files(files.id(), layout);
  card.family = kind == Kind::kSdxl ? "sdxl" : is_sd2(unet) ? "sd2" : "sd15";
  card.capabilities = {"text_to_image", "image_to_image", "inpaint"};
  if (unet_config.in_channels == 2 * vae.latent_channels + 1) card.capabilities = {"inpaint"};
  if (text_or(config_of(layout, "scheduler"), "prediction_type", "epsilon") == "v_prediction") {
    card.capabilities.push_back("v_prediction");
  }
  const int side =
      integer_or(unet, "sample_size", 8, 256, has_dual_text_encoder(layout) ? 128 : 64);
  const int native = std::clamp(side * static_cast<int>(vae.scale()) / 8 * 8, 64, 2048);
  card.native_width = integer_or(layout.card, "native_width", 64, 2048, native) / 8 * 8;
  card.native_height = integer_or(layout.card, "native_height", 64, 2048, native) / 8 * 8;
  // The decoder's widest level at full size holds about ten maps of its first width, in fp32.
  card.memory.bytes_per_pixel = 40.0 * static_cast<double>(vae.block_out_channels.front());
  return card;
}

std::optional<DetectedModel> detect(const CheckpointFiles& files, Kind kind) {
  std::optional<CheckpointLayout> layout = read_layout(files, kind);
  if (!layout) return std::nullopt;
  DetectedModel model;
  model.card = make_card(files, *layout, kind);
  model.facts.set(read_facts(model.card, *layout));
  model.layout = std::move(*layout);
  return model;
}

// ---- Loading

TextEncoder load_text_encoder(ComponentLoader& loader, const CheckpointLayout& layout,
                              const std::string& name, const char* title,
                              const std::string& tokenizer_name, std::string_view built_in_pad,
                              at::ScalarType dtype) {
  const CheckpointComponent& part = loader.component(name, title);
  const CheckpointComponent* const files = layout.find(tokenizer_name);
  const auto tokenizer = std::make_shared<const ClipTokenizer>(
      files == nullptr ? ClipTokenizer::built_in(built_in_pad)
                       : ClipTokenizer::from_folder(files->folder));
  ClipTextConfig config = ClipTextConfig::from_json(part.config);
  config.with_projection = part.class_name.ends_with("WithProjection");
  TextEncoder text;
  text.encoder = loader.load<ClipText>(name, title, config, dtype);
  text.tokenize = [tokenizer](std::string_view prompt) { return tokenizer->encode(prompt); };
  text.rules.begin = tokenizer->begin_id();
  text.rules.end = tokenizer->end_id();
  text.rules.pad = tokenizer->pad_id();
  text.rules.comma = tokenizer->id_of(",</w>");
  text.rules.length = static_cast<std::size_t>(config.max_position_embeddings);
  for (const std::int64_t id : {text.rules.begin, text.rules.end, text.rules.pad}) {
    if (id < config.vocab_size) continue;
    throw Error(ErrorCode::kCorruptData,
                part.weights.where() + " (" + title + "): knows " +
                    std::to_string(config.vocab_size) + " tokens, but its tokenizer uses the id " +
                    std::to_string(id) + ": they belong to different models");
  }
  return text;
}

[[noreturn]] void refuse_mixture(const CheckpointLayout& layout, const std::string& what) {
  throw Error(ErrorCode::kCorruptData,
              layout.path.string() + ": " + what + ": the parts belong to different models");
}

// Each component may be whole and the components still not belong together.
void check_parts_fit(const CheckpointLayout& layout, const UNet2DConfig& unet,
                     const AutoencoderKlConfig& vae, const std::vector<TextEncoder>& encoders) {
  constexpr std::int64_t kTimeIds = 6;
  if (unet.text_time && encoders.size() < 2) {
    throw Error(ErrorCode::kUnsupported,
                layout.path.string() +
                    ": has no second text encoder (text_encoder_2), which its UNet needs: the "
                    "model is incomplete, fetch it again");
  }
  if (!unet.text_time && encoders.size() > 1) {
    refuse_mixture(layout, "has two text encoders, but its UNet takes one");
  }
  std::int64_t width = 0;
  for (const TextEncoder& text : encoders) width += text.encoder->config().hidden_size;
  if (width != unet.cross_attention_dim) {
    refuse_mixture(layout, "its text encoding is " + std::to_string(width) +
                               " wide, but its UNet takes " +
                               std::to_string(unet.cross_attention_dim));
  }
  if (unet.text_time) {
    const ClipTextConfig& last = encoders.back().encoder->config();
    const std::int64_t added = (last.with_projection ? last.projection_dim : last.hidden_size) +
                               kTimeIds * unet.addition_time_embed_dim;
    if (added != unet.projection_class_embeddings_input_dim) {
      refuse_mixture(layout, "its pooled text and sizes are " + std::to_string(added) +
                                 " wide, but its UNet takes " +
                                 std::to_string(unet.projection_class_embeddings_input_dim));
    }
  }
  if (unet.out_channels != vae.latent_channels) {
    refuse_mixture(layout, "its UNet makes latents of " + std::to_string(unet.out_channels) +
                               " channels, but its autoencoder takes " +
                               std::to_string(vae.latent_channels));
  }
}

struct Networks {
  std::vector<TextEncoder> encoders;
  std::unique_ptr<UNet2D> unet;
  std::unique_ptr<AutoencoderKl> vae;
};

class StableDiffusion final : public Model, public Denoiser {
 public:
  StableDiffusion(LoadedFiles files, DenoiserFacts facts, Networks networks, Kind kind,
                  const BindOptions& bind, at::ScalarType vae_dtype)
      : Model(std::move(files)),
        facts_(std::move(facts)),
        networks_(std::move(networks)),
        kind_(kind),
        bind_(bind),
        vae_dtype_(vae_dtype) {}

  const DenoiserFacts& facts() const override { return facts_; }
  at::ScalarType dtype() const override { return bind_.dtype; }
  at::Device device() const override { return bind_.device; }
  const std::vector<TextEncoder>& text_encoders() const override { return networks_.encoders; }
  Conditioning prepare(const Tensor& context, const AddedConditioning& added) const override {
    return networks_.unet->prepare(context, added);
  }
  Tensor predict(const Tensor& sample, double timestep, const Conditioning& conditioning,
                 const Hooks& hooks) const override {
    return networks_.unet->forward(sample, timestep, conditioning, hooks);
  }
  const AutoencoderKl& vae() const override { return *networks_.vae; }
  at::ScalarType vae_dtype() const override { return vae_dtype_; }
  const AutoencoderKl& vae_in_fp32() override;
  void end_job() override { fp32_vae_.reset(); }

 private:
  DenoiserFacts facts_;
  Networks networks_;
  std::unique_ptr<AutoencoderKl> fp32_vae_;
  Kind kind_;
  BindOptions bind_;
  at::ScalarType vae_dtype_;
};

const AutoencoderKl& StableDiffusion::vae_in_fp32() {
  if (vae_dtype_ == at::kFloat) return vae();
  if (fp32_vae_ == nullptr) {
    version().check_unchanged(path());
    const std::optional<DetectedModel> model = detect(CheckpointFiles(path(), id()), kind_);
    if (!model) version().check_unchanged(path());
    CHECK(model);  // the same files are of the same family
    const LoadOptions options{bind_, {}};
    ComponentLoader loader(*model, options);
    auto vae = loader.load<AutoencoderKl>("vae", "autoencoder", facts_.vae, at::kFloat);
    version().check_unchanged(path());
    fp32_vae_ = std::move(vae);
  }
  return *fp32_vae_;
}

std::unique_ptr<Model> load(const DetectedModel& model, const LoadOptions& options, Kind kind) {
  const CheckpointLayout& layout = model.layout;
  const DenoiserFacts* const given = model.facts.find<DenoiserFacts>();
  CHECK(given != nullptr);  // detect() has set them
  DenoiserFacts facts = *given;
  const UNet2DConfig unet = UNet2DConfig::from_json(config_of(layout, "unet"));
  const at::ScalarType dtype = options.bind.dtype;
  // SDXL's published autoencoder overflows in 16 bits; its file declares it.
  const at::ScalarType vae_dtype =
      facts.vae.force_upcast && facts.vae.force_upcast_given ? at::kFloat : dtype;
  ComponentLoader loader(model, options);
  Networks networks;
  networks.encoders.push_back(load_text_encoder(loader, layout, "text_encoder", "text encoder",
                                                "tokenizer", "<|endoftext|>", dtype));
  if (facts.dual_text_encoder) {
    networks.encoders.push_back(load_text_encoder(
        loader, layout, "text_encoder_2", "second text encoder", "tokenizer_2", "!", dtype));
  }
  check_parts_fit(layout, unet, facts.vae, networks.encoders);
  networks.unet = loader.load<UNet2D>("unet", "UNet", unet, dtype);
  networks.vae = loader.load<AutoencoderKl>("vae", "autoencoder", facts.vae, vae_dtype);
  return std::make_unique<StableDiffusion>(loader.loaded_files(), std::move(facts),
                                           std::move(networks), kind, options.bind, vae_dtype);
}

template <Kind kKind>
ModelFamily family(const char* id) {
  return {id, title_of(kKind), [](const CheckpointFiles& files) { return detect(files, kKind); },
          [](const DetectedModel& model, const LoadOptions& options) {
            return load(model, options, kKind);
          }};
}

}  // namespace

ModelFamily sd15_family() { return family<Kind::kSd15>("sd15"); }
ModelFamily sdxl_family() { return family<Kind::kSdxl>("sdxl"); }

}  // namespace atelier::engine
