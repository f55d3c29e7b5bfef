#include "engine/models/unknown_files.h"

#include <algorithm>
#include <boost/json.hpp>
#include <string_view>

#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::engine {
namespace {

// The first entry whose tensors are in the file names it.
struct KnownTensors {
  std::string_view start;  // of a tensor's name
  const char* is;
};
constexpr KnownTensors kKnownTensors[] = {
    {"lora_", "is an adapter (LoRA), not a model"},
    {"unet.down_blocks.", "is an adapter (LoRA), not a model"},
    {"control_model.", "is a ControlNet, not a model"},
    {"model.diffusion_model.joint_blocks.", "is Stable Diffusion 3"},
    {"model.diffusion_model.double_blocks.", "is a FLUX model"},
    {"double_blocks.", "is a FLUX model"},
    {"cond_stage_model.model.", "is Stable Diffusion 2"},
    {"conditioner.embedders.0.model.", "is the SDXL refiner"},
    {"edm_mean", "was trained with another noise parametrisation (EDM)"},
    {"edm_std", "was trained with another noise parametrisation (EDM)"},
    {"edm_vpred.sigma_max", "was trained with another noise parametrisation (EDM)"},
    {"model_ema.",
     "holds only the moving average (EMA) of its UNet, under names that lost their dots: use the "
     "version with the plain weights (often named 'pruned')"},
    {"input_blocks.", "is a bare UNet without its encoders"},
    {"down_blocks.", "is a bare UNet without its encoders"},
    {"model.diffusion_model.",
     "holds a UNet whose first convolution is missing: the file is incomplete"},
    {"first_stage_model.", "is an autoencoder (VAE) alone"},
    {"encoder.down", "is an autoencoder (VAE) alone"},
    {"decoder.", "is an autoencoder (VAE) alone"},
    {"text_model.", "is a text encoder alone"},
    {"cond_stage_model.", "is a text encoder alone"},
    {"conditioner.", "holds text encoders alone"},
    {"emb_params", "is a textual inversion embedding, not a model"},
    {"clip_l", "is a textual inversion embedding, not a model"},
    {"image_proj.", "is an image adapter (IP-Adapter), not a model"}};

bool has_start(const WeightsFile& weights, std::string_view start) {
  return std::any_of(weights.tensors().begin(), weights.tensors().end(),
                     [&](const TensorInfo& tensor) { return tensor.name.starts_with(start); });
}

std::string describe_weights(const WeightsFile& weights) {
  for (const KnownTensors& known : kKnownTensors) {
    if (has_start(weights, known.start)) return known.is;
  }
  if (weights.format() == "onnx") return "is an ONNX graph of a network that is not known here";
  return "is not a checkpoint of a known kind";
}

std::string class_in(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  if (value != nullptr && value->is_array() && !value->as_array().empty()) {
    value = &value->as_array().front();
  }
  return value != nullptr && value->is_string()
             ? platform::cut(std::string_view(value->as_string()), 100)
             : "model of an unnamed kind";
}

std::string describe_diffusers_folder(const CheckpointFiles& files) {
  const std::string unet = files.class_of("unet");
  const bool has_vae = !files.class_of("vae").empty();
  if (unet.empty() == has_vae) {
    return std::string("its model_index.json names no ") +
           (has_vae ? "UNet (unet)" : "autoencoder (vae)") + ": the model is incomplete";
  }
  if (!unet.empty()) return "its part 'unet' is a " + platform::cut(unet, 100);
  return "holds a " + class_in(files.json("model_index.json"), "_class_name");
}

std::string describe(const CheckpointFiles& files) {
  switch (files.kind()) {
    case CheckpointFiles::Kind::kDiffusersFolder:
      return describe_diffusers_folder(files);
    case CheckpointFiles::Kind::kTransformersFolder:
      return "holds a " + class_in(files.config(), "architectures");
    case CheckpointFiles::Kind::kSingleFile:
      break;
  }
  return describe_weights(*files.weights());
}

}  // namespace

void refuse_unknown_files(const CheckpointFiles& files, std::span<const ModelFamily> families) {
  std::string known;
  for (const ModelFamily& family : families) known += (known.empty() ? "" : ", ") + family.title;
  throw Error(ErrorCode::kUnsupported,
              files.path().string() + ": " + describe(files) + "; known here: " + known);
}

}  // namespace atelier::engine
