#include "engine/weights/checkpoint_layout.h"

#include <algorithm>
#include <memory>
#include <string_view>

#include "engine/weights/diffusers_folder.h"
#include "engine/weights/ldm_names.h"
#include "engine/weights/published_configs.h"
#include "engine/weights/relatives.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUnet = "model.diffusion_model.";
constexpr std::string_view kConvIn = "model.diffusion_model.input_blocks.0.0.weight";
constexpr std::string_view kFirstCrossKey =
    "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight";
// SDXL's conditioning on sizes; SD1.5 has none.
constexpr std::string_view kSizeEmbedding = "model.diffusion_model.label_emb.0.0.weight";

class SingleFile {
 public:
  explicit SingleFile(const fs::path& path) : path_(path), file_(WeightsFile::open(path)) {}

  CheckpointLayout read();

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorCode::kUnsupported, path_.string() + ": " + what);
  }
  bool has(std::string_view name) const { return file_->find(name) != nullptr; }
  bool has_start(std::string_view start) const {
    return std::any_of(file_->tensors().begin(), file_->tensors().end(),
                       [&](const TensorInfo& tensor) { return tensor.name.starts_with(start); });
  }
  std::int64_t extent(std::string_view name, std::size_t dimension) const;
  void refuse_other_kinds() const;
  void refuse_lone_parts() const;
  bool is_sdxl() const;
  void check_blocks(bool sdxl) const;
  void check_parts(const LdmParts& parts, bool sdxl) const;
  void apply_markers(boost::json::object& scheduler) const;

  const fs::path& path_;
  std::shared_ptr<const WeightsFile> file_;
};

std::int64_t SingleFile::extent(std::string_view name, std::size_t dimension) const {
  const TensorInfo* const tensor = file_->find(name);
  return tensor != nullptr && dimension < tensor->shape.size() ? tensor->shape[dimension] : 0;
}

// Says what the file is where that can be seen, so that nobody has to guess.
void SingleFile::refuse_other_kinds() const {
  const std::string known = "; Stable Diffusion 1.5 and SDXL checkpoints are known here";
  if (has_start("lora_") || has_start("unet.down_blocks.")) {
    refuse("is an adapter (LoRA), not a model" + known);
  }
  if (has_start("control_model.")) refuse("is a ControlNet, not a model" + known);
  if (has_start("model.diffusion_model.joint_blocks.")) refuse("is Stable Diffusion 3" + known);
  if (has_start("model.diffusion_model.double_blocks.") || has_start("double_blocks.")) {
    refuse("is a FLUX model" + known);
  }
  if (!has(kConvIn)) refuse_lone_parts();
  if (has_start("cond_stage_model.model.")) refuse("is Stable Diffusion 2" + known);
  if (has_start("conditioner.embedders.0.model.")) refuse("is the SDXL refiner" + known);
  if (has("edm_mean") || has("edm_std") || has("edm_vpred.sigma_max")) {
    refuse("was trained with another noise parametrisation (EDM)" + known);
  }
}

// Parts of models that people put beside the models.
void SingleFile::refuse_lone_parts() const {
  struct Part {
    std::string_view start;
    const char* is;
  };
  constexpr Part kParts[] = {
      {"model_ema.",
       "holds only the moving average (EMA) of its UNet, under names that lost their dots: use the "
       "version with the plain weights (often named 'pruned')"},
      {"input_blocks.", "is a bare UNet without its encoders"},
      {"down_blocks.", "is a bare UNet without its encoders"},
      {kUnet, "holds a UNet whose first convolution is missing: the file is incomplete"},
      {"first_stage_model.", "is an autoencoder (VAE) alone"},
      {"encoder.down", "is an autoencoder (VAE) alone"},
      {"decoder.", "is an autoencoder (VAE) alone"},
      {"text_model.", "is a text encoder alone"},
      {"cond_stage_model.", "is a text encoder alone"},
      {"conditioner.", "holds text encoders alone"},
      {"emb_params", "is a textual inversion embedding, not a model"},
      {"clip_l", "is a textual inversion embedding, not a model"},
      {"image_proj.", "is an image adapter (IP-Adapter), not a model"}};
  const char* is = "is no checkpoint of a known kind";
  for (const Part& part : kParts) {
    if (!has_start(part.start)) continue;
    is = part.is;
    break;
  }
  refuse(std::string(is) + "; whole Stable Diffusion 1.5 and SDXL checkpoints are known here");
}

bool SingleFile::is_sdxl() const {
  constexpr std::int64_t kWidth = 320;  // of both families' first convolution
  const bool sdxl = has(kSizeEmbedding);
  const std::int64_t channels = extent(kConvIn, 1);
  const std::int64_t context = extent(sdxl ? kSizeEmbedding : kFirstCrossKey, 1);
  if (extent(kConvIn, 0) != kWidth || context != (sdxl ? 2816 : 768)) {
    refuse("is of no published size (first convolution " + std::to_string(extent(kConvIn, 0)) +
           " wide, conditioning " + std::to_string(context) +
           "): give it as a diffusers folder, which holds the configuration");
  }
  if (channels != 4 && channels != 9) {
    refuse("takes " + std::to_string(channels) + " input channels; 4 and 9 (inpainting) are known");
  }
  return sdxl;
}

// The last layers of each level and the middle: what distilled models leave out.
void SingleFile::check_blocks(bool sdxl) const {
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
    if (has_start(std::string(kUnet) + block)) continue;
    refuse(std::string("has fewer blocks than ") +
           (sdxl ? "SDXL (no '" : "Stable Diffusion 1.5 (no '") + block +
           "…'): a distilled relative such as " +
           (sdxl ? "SSD-1B, Segmind Vega or KOALA" : "BK-SDM, small-sd or SDXS") +
           ", which is not run here, or an incomplete file");
  }
}

void SingleFile::check_parts(const LdmParts& parts, bool sdxl) const {
  std::string missing;
  const auto need = [&](const WeightsView& part, const char* name) {
    if (part.empty()) missing += (missing.empty() ? "no " : " and no ") + std::string(name);
  };
  need(parts.text_encoder, sdxl ? "first text encoder (CLIP-L)" : "text encoder (CLIP-L)");
  if (sdxl) need(parts.text_encoder_2, "second text encoder (OpenCLIP bigG)");
  need(parts.vae, "autoencoder (VAE)");
  if (missing.empty()) return;
  refuse("has " + missing +
         " inside: files without them are not put together here; use the full checkpoint or a "
         "diffusers folder");
}

void SingleFile::apply_markers(boost::json::object& scheduler) const {
  if (has("v_pred")) scheduler["prediction_type"] = "v_prediction";
  if (has("ztsnr")) {
    scheduler["rescale_betas_zero_snr"] = true;
    scheduler["timestep_spacing"] = "trailing";
  }
}

CheckpointLayout SingleFile::read() {
  refuse_other_kinds();
  const bool sdxl = is_sdxl();
  check_blocks(sdxl);
  const std::int64_t channels = extent(kConvIn, 1);
  PublishedFamily family = sdxl ? published_sdxl() : published_sd15();
  LdmParts parts = map_ldm_checkpoint(file_);
  check_parts(parts, sdxl);

  CheckpointLayout layout;
  layout.path = path_;
  layout.format = "single_file";
  layout.family = sdxl ? "sdxl" : "sd15";
  family.unet["in_channels"] = channels;
  layout.unet = {"UNet2DConditionModel", std::move(family.unet), std::move(parts.unet)};
  layout.vae = {"AutoencoderKL", std::move(family.vae), std::move(parts.vae)};
  layout.text_encoder = {"CLIPTextModel", std::move(family.text_encoder),
                         std::move(parts.text_encoder)};
  if (sdxl) {
    layout.text_encoder_2 = {"CLIPTextModelWithProjection", std::move(family.text_encoder_2),
                             std::move(parts.text_encoder_2)};
    layout.force_zeros_for_empty_prompt = true;
  }
  layout.scheduler_config =
      channels == 9 ? std::move(family.inpaint_scheduler) : std::move(family.scheduler);
  apply_markers(layout.scheduler_config);
  layout.training_buffers = std::move(parts.training_buffers);
  layout.left_over = std::move(parts.left_over);
  layout.fingerprint = file_->fingerprint();
  return layout;
}

}  // namespace

CheckpointLayout detect_checkpoint(const fs::path& path) {
  if (!fs::exists(path)) {
    throw Error(ErrorCode::kNotFound, path.string() + ": there is no such model file or folder");
  }
  const ModelVersion version = ModelVersion::of(path);  // before anything is read
  if (!is_diffusers_folder(path) && fs::is_directory(path)) {
    throw Error(ErrorCode::kUnsupported,
                path.string() + ": holds no model_index.json, so it is no model folder");
  }
  CheckpointLayout layout =
      is_diffusers_folder(path) ? read_diffusers_folder(path) : SingleFile(path).read();
  layout.version = version;
  const auto check = [](const std::optional<CheckpointComponent>& part, const char* name) {
    if (part) refuse_unknown_computation(part->weights, name);
  };
  check(layout.unet, "UNet");
  check(layout.vae, "autoencoder");
  check(layout.text_encoder, "text encoder");
  check(layout.text_encoder_2, "second text encoder");
  return layout;
}

}  // namespace atelier::engine
