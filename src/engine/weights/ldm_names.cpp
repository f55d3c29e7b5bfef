#include "engine/weights/ldm_names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

namespace atelier::engine {
namespace {

// Layers per block plus its resampler: input_blocks and output_blocks count through all of them.
constexpr int kBlockStride = 3;

struct Rename {
  std::string_view from, to;
};

// The first entry whose `from` begins the name (followed by a dot or the end) is exchanged.
template <std::size_t N>
std::optional<std::string> rename_start(std::string_view name, const std::array<Rename, N>& table) {
  for (const Rename& entry : table) {
    if (!name.starts_with(entry.from)) continue;
    const std::string_view rest = name.substr(entry.from.size());
    if (rest.empty() || rest.front() == '.') return std::string(entry.to).append(rest);
  }
  return std::nullopt;
}

// Takes "12." off the front.
std::optional<int> take_index(std::string_view& name) {
  int index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  const auto length = static_cast<std::size_t>(end - name.data());
  if (error != std::errc() || length >= name.size() || name[length] != '.' || index < 0) {
    return std::nullopt;
  }
  name.remove_prefix(length + 1);
  return index;
}

bool take_prefix(std::string_view& name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  return true;
}

constexpr auto kUnetTop = std::to_array<Rename>({
    {"time_embed.0", "time_embedding.linear_1"},
    {"time_embed.2", "time_embedding.linear_2"},
    {"time_embed.cond_proj", "time_embedding.cond_proj"},
    {"label_emb.0.0", "add_embedding.linear_1"},
    {"label_emb.0.2", "add_embedding.linear_2"},
    {"input_blocks.0.0", "conv_in"},
    {"out.0", "conv_norm_out"},
    {"out.2", "conv_out"},
});

constexpr auto kUnetResnet = std::to_array<Rename>({
    {"in_layers.0", "norm1"},
    {"in_layers.2", "conv1"},
    {"emb_layers.1", "time_emb_proj"},
    {"out_layers.0", "norm2"},
    {"out_layers.3", "conv2"},
    {"skip_connection", "conv_shortcut"},
});

std::optional<std::string> with_prefix(const std::string& prefix, std::optional<std::string> name) {
  if (!name) return std::nullopt;
  return prefix + *name;
}

std::optional<std::string> unet_input_block(std::string_view name) {
  const auto index = take_index(name);
  if (!index || *index == 0) return std::nullopt;
  const std::string block = "down_blocks." + std::to_string((*index - 1) / kBlockStride) + ".";
  const std::string layer = std::to_string((*index - 1) % kBlockStride) + ".";
  if (take_prefix(name, "0.op.")) return block + "downsamplers.0.conv." + std::string(name);
  if (take_prefix(name, "0.")) {
    return with_prefix(block + "resnets." + layer, rename_start(name, kUnetResnet));
  }
  if (take_prefix(name, "1.")) return block + "attentions." + layer + std::string(name);
  return std::nullopt;
}

std::optional<std::string> unet_output_block(std::string_view name) {
  const auto index = take_index(name);
  if (!index) return std::nullopt;
  const std::string block = "up_blocks." + std::to_string(*index / kBlockStride) + ".";
  const std::string layer = std::to_string(*index % kBlockStride) + ".";
  // The upsampler follows the attention where there is one.
  if (take_prefix(name, "1.conv.") || take_prefix(name, "2.conv.")) {
    return block + "upsamplers.0.conv." + std::string(name);
  }
  if (take_prefix(name, "0.")) {
    return with_prefix(block + "resnets." + layer, rename_start(name, kUnetResnet));
  }
  if (take_prefix(name, "1.")) return block + "attentions." + layer + std::string(name);
  return std::nullopt;
}

std::optional<std::string> unet_name(std::string_view name) {
  if (auto top = rename_start(name, kUnetTop)) return top;
  if (take_prefix(name, "input_blocks.")) return unet_input_block(name);
  if (take_prefix(name, "output_blocks.")) return unet_output_block(name);
  if (take_prefix(name, "middle_block.1.")) return "mid_block.attentions.0." + std::string(name);
  if (take_prefix(name, "middle_block.0.")) {
    return with_prefix("mid_block.resnets.0.", rename_start(name, kUnetResnet));
  }
  if (take_prefix(name, "middle_block.2.")) {
    return with_prefix("mid_block.resnets.1.", rename_start(name, kUnetResnet));
  }
  return std::nullopt;
}

constexpr auto kVaeAttention = std::to_array<Rename>({
    {"norm", "group_norm"},
    {"q", "to_q"},
    {"k", "to_k"},
    {"v", "to_v"},
    {"proj_out", "to_out.0"},
});

std::string vae_resnet_name(std::string_view name) {
  if (take_prefix(name, "nin_shortcut.")) return "conv_shortcut." + std::string(name);
  return std::string(name);
}

// Inside "encoder." or "decoder."; `levels` is the number of resolutions.
std::optional<std::string> vae_half_name(std::string_view name, int levels) {
  if (take_prefix(name, "mid.block_1.")) return "mid_block.resnets.0." + vae_resnet_name(name);
  if (take_prefix(name, "mid.block_2.")) return "mid_block.resnets.1." + vae_resnet_name(name);
  if (take_prefix(name, "mid.attn_1.")) {
    return with_prefix("mid_block.attentions.0.", rename_start(name, kVaeAttention));
  }
  if (take_prefix(name, "norm_out.")) return "conv_norm_out." + std::string(name);
  if (name.starts_with("conv_in.") || name.starts_with("conv_out.")) return std::string(name);
  const bool down = take_prefix(name, "down.");
  if (!down && !take_prefix(name, "up.")) return std::nullopt;
  const auto level = take_index(name);
  if (!level || *level >= levels) return std::nullopt;
  // decoder.up counts from the finest level, up_blocks from the coarsest.
  const std::string block = down ? "down_blocks." + std::to_string(*level) + "."
                                 : "up_blocks." + std::to_string(levels - 1 - *level) + ".";
  if (take_prefix(name, "downsample.")) return block + "downsamplers.0." + std::string(name);
  if (take_prefix(name, "upsample.")) return block + "upsamplers.0." + std::string(name);
  if (!take_prefix(name, "block.")) return std::nullopt;
  const auto layer = take_index(name);
  if (!layer) return std::nullopt;
  return block + "resnets." + std::to_string(*layer) + "." + vae_resnet_name(name);
}

std::optional<std::string> vae_name(std::string_view name, int levels) {
  if (name.starts_with("quant_conv.") || name.starts_with("post_quant_conv.")) {
    return std::string(name);
  }
  const std::string half(name.substr(0, std::string_view("encoder.").size()));
  if (half != "encoder." && half != "decoder.") return std::nullopt;
  return with_prefix(half, vae_half_name(name.substr(half.size()), levels));
}

std::optional<std::string> clip_name(std::string_view name) {
  // Old merges lack the wrapper.
  take_prefix(name, "text_model.");
  if (name.starts_with("embeddings.") || name.starts_with("encoder.") ||
      name.starts_with("final_layer_norm.")) {
    return "text_model." + std::string(name);
  }
  return std::nullopt;
}

constexpr auto kOpenClipTop = std::to_array<Rename>({
    {"positional_embedding", "text_model.embeddings.position_embedding.weight"},
    {"token_embedding", "text_model.embeddings.token_embedding"},
    {"ln_final", "text_model.final_layer_norm"},
});

constexpr auto kOpenClipLayer = std::to_array<Rename>({
    {"ln_1", "layer_norm1"},
    {"ln_2", "layer_norm2"},
    {"mlp.c_fc", "mlp.fc1"},
    {"mlp.c_proj", "mlp.fc2"},
    {"attn.out_proj", "self_attn.out_proj"},
});

class LdmMapper {
 public:
  explicit LdmMapper(const std::shared_ptr<const WeightsFile>& file);
  LdmParts map();

 private:
  void place(const TensorInfo& tensor);
  bool place_part(const TensorInfo& tensor);
  bool place_vae(const TensorInfo& tensor, std::string_view name);
  bool place_open_clip(const TensorInfo& tensor, std::string_view name);
  bool place_named(WeightsView& view, const TensorInfo& tensor, std::optional<std::string> name);
  WeightSource source(const TensorInfo& tensor) const { return {.file = file_, .info = &tensor}; }

  std::shared_ptr<const WeightsFile> file_;
  int vae_levels_ = 0;
  LdmParts parts_;
};

constexpr std::string_view kVaePrefixes[] = {"first_stage_model.", "vae."};

LdmMapper::LdmMapper(const std::shared_ptr<const WeightsFile>& file) : file_(file) {
  for (const TensorInfo& tensor : file->tensors()) {
    std::string_view name = tensor.name;
    for (const std::string_view prefix : kVaePrefixes) take_prefix(name, prefix);
    if (!take_prefix(name, "encoder.down.") && !take_prefix(name, "decoder.up.")) continue;
    if (const auto level = take_index(name)) vae_levels_ = std::max(vae_levels_, *level + 1);
  }
}

bool LdmMapper::place_named(WeightsView& view, const TensorInfo& tensor,
                            std::optional<std::string> name) {
  if (!name) return false;
  view.add(std::move(*name), source(tensor));
  return true;
}

bool LdmMapper::place_vae(const TensorInfo& tensor, std::string_view name) {
  auto ours = vae_name(name, vae_levels_);
  if (!ours) ours = std::string(name);  // as of the UNet
  WeightSource placed = source(tensor);
  // Attention is made of 1x1 convolutions there.
  const bool attention = ours->find(".attentions.") != std::string::npos;
  if (attention && tensor.shape.size() == 4) placed.transform = WeightTransform::kSqueeze1x1;
  parts_.vae.add(std::move(*ours), std::move(placed));
  return true;
}

bool LdmMapper::place_open_clip(const TensorInfo& tensor, std::string_view name) {
  WeightsView& view = parts_.text_encoder_2;
  if (auto top = rename_start(name, kOpenClipTop)) return place_named(view, tensor, top);
  if (name == "text_projection") {
    WeightSource placed = source(tensor);
    placed.transform = WeightTransform::kTranspose;
    view.add("text_projection.weight", std::move(placed));
    return true;
  }
  if (!take_prefix(name, "transformer.resblocks.")) return false;
  const auto layer = take_index(name);
  if (!layer) return false;
  const std::string prefix = "text_model.encoder.layers." + std::to_string(*layer) + ".";
  if (name == "attn.in_proj_weight" || name == "attn.in_proj_bias") {
    const std::string kind = name.ends_with("bias") ? ".bias" : ".weight";
    std::int64_t part = 0;
    for (const char* const projection : {"q_proj", "k_proj", "v_proj"}) {
      WeightSource placed = source(tensor);
      placed.transform = WeightTransform::kRows;
      placed.part = part++;
      placed.parts = 3;
      view.add(prefix + "self_attn." + projection + kind, std::move(placed));
    }
    return true;
  }
  return place_named(view, tensor, with_prefix(prefix, rename_start(name, kOpenClipLayer)));
}

bool LdmMapper::place_part(const TensorInfo& tensor) {
  std::string_view name = tensor.name;
  if (take_prefix(name, "model.diffusion_model.")) {
    // A tensor without a place keeps its own name: loading fails because the network does not use
    // it.
    return place_named(parts_.unet, tensor, unet_name(name).value_or(std::string(name)));
  }
  for (const std::string_view prefix : kVaePrefixes) {
    if (take_prefix(name, prefix)) return place_vae(tensor, name);
  }
  for (const std::string_view prefix :
       {"cond_stage_model.transformer.", "conditioner.embedders.0.transformer."}) {
    if (take_prefix(name, prefix)) {
      return place_named(parts_.text_encoder, tensor, clip_name(name));
    }
  }
  if (take_prefix(name, "conditioner.embedders.1.model.")) return place_open_clip(tensor, name);
  return false;
}

// What training leaves in a checkpoint and nothing needs to make a picture.
bool is_training_buffer(std::string_view name) {
  constexpr std::string_view kStarts[] = {"alphas_cumprod", "sqrt_",      "posterior_",
                                          "log_one_minus_", "model_ema.", "first_stage_model.loss.",
                                          "denoiser.",      "lvlb_"};
  constexpr std::string_view kNames[] = {"betas", "logvar", "v_pred", "ztsnr"};
  constexpr std::string_view kEnds[] = {".position_ids", ".logit_scale", ".attn_mask"};
  // Of the whole CLIP; the first text encoder is used without it.
  constexpr std::string_view kProjections[] = {
      "cond_stage_model.text_projection", "cond_stage_model.transformer.text_projection",
      "conditioner.embedders.0.text_projection",
      "conditioner.embedders.0.transformer.text_projection"};
  const auto begins = [&](std::string_view start) { return name.starts_with(start); };
  const auto ends = [&](std::string_view end) { return name.ends_with(end); };
  return std::any_of(std::begin(kStarts), std::end(kStarts), begins) ||
         std::any_of(std::begin(kProjections), std::end(kProjections), begins) ||
         std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames) ||
         std::any_of(std::begin(kEnds), std::end(kEnds), ends);
}

void LdmMapper::place(const TensorInfo& tensor) {
  if (is_training_buffer(tensor.name)) {
    parts_.training_buffers.push_back(tensor.name);
  } else if (!place_part(tensor)) {
    parts_.left_over.push_back(tensor.name);
  }
}

LdmParts LdmMapper::map() {
  for (const TensorInfo& tensor : file_->tensors()) place(tensor);
  return std::move(parts_);
}

}  // namespace

LdmParts map_ldm_checkpoint(const std::shared_ptr<const WeightsFile>& file) {
  return LdmMapper(file).map();
}

}  // namespace atelier::engine
