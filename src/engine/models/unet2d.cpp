// The conditional UNet. Reference: diffusers `UNet2DConditionModel` (Apache-2.0); weights by
// CompVis, Runway and Stability AI under the CreativeML OpenRAIL licences. Names are the
// checkpoint's keys. Its blocks are in unet2d_blocks.
#include "engine/models/unet2d.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <optional>

#include "engine/models/config_reader.h"
#include "engine/models/unet2d_blocks.h"
#include "platform/check.h"
#include "platform/error.h"

namespace atelier::engine {

using namespace unet2d;

namespace {

std::vector<bool> block_kinds(const ConfigReader& read, const char* key,
                              const std::vector<std::string>& absent, const std::string& with,
                              const std::string& without) {
  std::vector<bool> attention;
  for (const std::string& name : read.texts(key, absent)) {
    if (name != with && name != without) read.unsupported(key);
    attention.push_back(name == with);
  }
  return attention;
}

// The layers of some blocks left out, to be smaller and faster.
void refuse_distilled(const boost::json::object& json) {
  const boost::json::value* const middle = json.if_contains("mid_block_type");
  const boost::json::value* const layers = json.if_contains("transformer_layers_per_block");
  const boost::json::value* const reverse =
      json.if_contains("reverse_transformer_layers_per_block");
  const auto is_other = [](const boost::json::value& count) {
    return count.is_array() || (count.is_int64() && count.get_int64() == 0);
  };
  // In the reference null means: without a middle block, and a list in the list a number per layer.
  const bool distilled =
      (middle != nullptr && *middle != "UNetMidBlock2DCrossAttn") ||
      (reverse != nullptr && !reverse->is_null()) ||
      (layers != nullptr && layers->is_array() &&
       std::any_of(layers->get_array().begin(), layers->get_array().end(), is_other));
  if (!distilled) return;
  throw Error(ErrorCode::kUnsupported,
              "config.json of the unet leaves out blocks or layers (mid_block_type, "
              "transformer_layers_per_block): a distilled relative such as SSD-1B, Segmind Vega, "
              "KOALA or small-sd, which is not run here");
}

void refuse_other_networks(const ConfigReader& read) {
  read.only("only_cross_attention", {"false"});
  read.only("mid_block_only_cross_attention", {"false"});
  read.only("downsample_padding", {"1"});
  read.only("mid_block_scale_factor", {"1", "1E0"});
  read.only("act_fn", {"\"silu\"", "\"swish\""});
  read.only("dual_cross_attention", {"false"});
  read.only("resnet_time_scale_shift", {"\"default\""});
  read.only("resnet_skip_time_act", {"false"});
  read.only("resnet_out_scale_factor", {"1", "1E0"});
  read.only("time_embedding_type", {"\"positional\""});
  read.only("conv_in_kernel", {"3"});
  read.only("conv_out_kernel", {"3"});
  read.only("attention_type", {"\"default\""});
  read.only("addition_embed_type", {"\"text_time\""});
  for (const char* key : {"encoder_hid_dim", "encoder_hid_dim_type", "class_embed_type",
                          "num_class_embeds", "time_embedding_dim", "time_embedding_act_fn",
                          "timestep_post_act", "time_cond_proj_dim", "cross_attention_norm"}) {
    read.only(key, {});
  }
}

void check_blocks(const UNet2DConfig& config) {
  const std::size_t count = config.block_out_channels.size();
  bool fits = config.down_attention.size() == count && config.up_attention.size() == count;
  for (std::size_t i = 0; fits && i < count; ++i) {
    fits = config.block_out_channels[i] % config.attention_heads[i] == 0 &&
           config.block_out_channels[i] % config.norm_num_groups == 0;
  }
  if (!fits) {
    throw Error(ErrorCode::kCorruptData,
                "config.json of the unet contradicts itself in the number of its blocks, channels "
                "or attention heads: repair or re-download it");
  }
}

// x + residual, in the dtype of x.
Tensor added(const Tensor& x, const Tensor& residual) {
  if (residual.sizes() != x.sizes()) {
    throw Error(ErrorCode::kInvalidArgument,
                "a residual for the unet has another shape than the tensor that it is added to: "
                "the ControlNet belongs to another model");
  }
  return x + residual.to(x.options());
}

void add_residuals(std::vector<Tensor>& skips, const std::vector<Tensor>& residuals) {
  if (residuals.empty()) return;
  if (residuals.size() != skips.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                "the unet has " + std::to_string(skips.size()) + " skip connections and got " +
                    std::to_string(residuals.size()) +
                    " residuals: the ControlNet belongs to another model");
  }
  for (std::size_t i = 0; i < skips.size(); ++i) skips[i] = added(skips[i], residuals[i]);
}

}  // namespace

UNet2DConfig UNet2DConfig::from_json(const boost::json::object& json) {
  const ConfigReader read(json, "unet");
  refuse_distilled(json);
  refuse_other_networks(read);
  UNet2DConfig config;
  const std::string cross_down = "CrossAttnDownBlock2D", cross_up = "CrossAttnUpBlock2D";
  config.in_channels = read.integer("in_channels", config.in_channels);
  config.out_channels = read.integer("out_channels", config.out_channels);
  config.block_out_channels = read.integers("block_out_channels", config.block_out_channels);
  config.down_attention =
      block_kinds(read, "down_block_types", {cross_down, cross_down, cross_down, "DownBlock2D"},
                  cross_down, "DownBlock2D");
  config.up_attention = block_kinds(
      read, "up_block_types", {"UpBlock2D", cross_up, cross_up, cross_up}, cross_up, "UpBlock2D");
  const std::size_t count = config.block_out_channels.size();
  config.layers_per_block = read.per_block("layers_per_block", count, 2);
  config.transformer_layers = read.per_block("transformer_layers_per_block", count, 1);
  // The key that is named after the width of a head holds their number, as in the reference.
  config.attention_heads = read.per_block(
      read.has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim", count, 8);
  const std::vector<std::int64_t> context =
      read.per_block("cross_attention_dim", count, config.cross_attention_dim);
  config.cross_attention_dim = context[0];
  if (context != std::vector<std::int64_t>(count, context[0])) {
    read.unsupported("cross_attention_dim");
  }
  config.use_linear_projection = read.boolean("use_linear_projection", false);
  config.text_time = read.has("addition_embed_type");
  config.addition_time_embed_dim =
      read.integer("addition_time_embed_dim", config.addition_time_embed_dim);
  config.projection_class_embeddings_input_dim = read.integer(
      "projection_class_embeddings_input_dim", config.projection_class_embeddings_input_dim);
  config.norm_num_groups = read.integer("norm_num_groups", config.norm_num_groups);
  config.norm_eps = read.number("norm_eps", config.norm_eps);
  config.flip_sin_to_cos = read.boolean("flip_sin_to_cos", config.flip_sin_to_cos);
  config.freq_shift = read.number("freq_shift", config.freq_shift);
  config.center_input_sample = read.boolean("center_input_sample", config.center_input_sample);
  check_blocks(config);
  return config;
}

struct UNet2D::Parts {
  UNet2DConfig config;
  std::shared_ptr<ModuleTree> modules;
  EmbeddingMlp time_embedding, add_embedding;
  Conv2d conv_in, conv_out;
  std::vector<Block> down_blocks, up_blocks;
  std::optional<MidBlock> mid_block;  // always there once it is built
  GroupNorm conv_norm_out;
  Linear time_projections;  // of all resnets

  Parts(const UNet2DConfig& given, const Binder& binder)
      : config(given), modules(binder.modules()) {
    Build build{config, {}};
    const std::int64_t first = config.block_out_channels.front(), time = build.time_width();
    const std::size_t count = config.block_out_channels.size();
    time_embedding = EmbeddingMlp(binder.scope("time_embedding"), first, time);
    if (config.text_time) {
      add_embedding = EmbeddingMlp(binder.scope("add_embedding"),
                                   config.projection_class_embeddings_input_dim, time);
    }
    conv_in = Conv2d(binder.scope("conv_in"), {config.in_channels, first});
    for (std::size_t i = 0; i < count; ++i) {
      down_blocks.push_back(
          build_down(build, binder.scope("down_blocks").scope(std::to_string(i)), i));
    }
    mid_block.emplace(build, binder.scope("mid_block"));
    for (std::size_t i = 0; i < count; ++i) {
      up_blocks.push_back(build_up(build, binder.scope("up_blocks").scope(std::to_string(i)), i));
    }
    conv_norm_out =
        GroupNorm(binder.scope("conv_norm_out"), config.norm_num_groups, first, config.norm_eps);
    conv_out = Conv2d(binder.scope("conv_out"), {first, config.out_channels});
    time_projections = Linear::joined(build.time.binders, time, build.time.widths, Bias::kYes);
  }

  // Every transformer block, in the order of its cross attention.
  template <typename Visit>
  void for_each_transformer_block(Visit visit) const {
    const auto all = [&](const std::vector<Transformer>& attentions) {
      for (const Transformer& transformer : attentions) {
        for (const TransformerBlock& block : transformer.transformer_blocks) visit(block);
      }
    };
    for (const Block& block : down_blocks) all(block.attentions);
    CHECK(mid_block);
    all(mid_block->attentions);
    for (const Block& block : up_blocks) all(block.attentions);
  }

  // -> [1 or batch, all time projections]
  Tensor time_of_resnets(double timestep, const Conditioning& conditioning) const {
    const at::ScalarType dtype = conv_in.dtype();
    const Tensor value = at::full({1}, timestep, conv_in.options().dtype(at::kFloat));
    const Tensor wave = sinusoid(value, config.block_out_channels.front(), config.flip_sin_to_cos,
                                 config.freq_shift);
    Tensor embedding = time_embedding(wave.to(dtype));  // [1, time width]
    if (conditioning.added.defined()) embedding = embedding + conditioning.added;
    return time_projections(at::silu(embedding));
  }

  Tensor up(Tensor x, std::vector<Tensor>& skips, const Run& run) const {
    for (const Block& block : up_blocks) {
      for (std::size_t i = 0; i < block.resnets.size(); ++i) {
        x = at::cat({x, skips.back()}, 1);
        skips.pop_back();
        x = block.layer(i, x, run);
      }
      if (block.sampler.defined()) {
        // To the size of the next skip: odd sizes were rounded up on the way down.
        x = block.sampler.upsampled(x, skips.back().sizes().slice(2));
      }
    }
    return x;
  }
};

UNet2D::UNet2D(const UNet2DConfig& config, const Binder& binder) {
  const c10::InferenceMode no_graph;
  parts_ = std::make_unique<Parts>(config, binder);
}
UNet2D::~UNet2D() = default;
UNet2D::UNet2D(UNet2D&&) noexcept = default;
UNet2D& UNet2D::operator=(UNet2D&&) noexcept = default;

const UNet2DConfig& UNet2D::config() const { return parts_->config; }

void UNet2D::rebind(const TensorSource& source, std::span<const std::string> tensors) {
  const c10::InferenceMode no_graph;
  parts_->modules->rebind(source, tensors);
}

Conditioning UNet2D::prepare(const Tensor& context, const AddedConditioning& added) const {
  const c10::InferenceMode no_graph;
  const Parts& parts = *parts_;
  const bool given = added.pooled.defined() && added.time_ids.defined();
  if (context.dim() != 3 || context.size(2) != parts.config.cross_attention_dim ||
      given != parts.config.text_time) {
    throw Error(ErrorCode::kInvalidArgument,
                "the unet takes a text embedding of width " +
                    std::to_string(parts.config.cross_attention_dim) +
                    (parts.config.text_time ? " with a pooled embedding and sizes" : "") +
                    ": these text encoders do not belong to it");
  }
  Conditioning conditioning;
  conditioning.batch = context.size(0);
  const Tensor text = context.to(parts.conv_in.options());
  parts.for_each_transformer_block(
      [&](const TransformerBlock& block) { conditioning.cross.push_back(block.prepare(text)); });
  if (given) {
    const Tensor ids = added.time_ids.to(text.device()).flatten();
    const Tensor waves = sinusoid(ids, parts.config.addition_time_embed_dim,
                                  parts.config.flip_sin_to_cos, parts.config.freq_shift)
                             .view({context.size(0), -1});  // [batch, 6 * width]
    conditioning.added = parts.add_embedding(
        at::cat({added.pooled.to(text.options()), waves.to(text.options())}, 1));
  }
  return conditioning;
}

Tensor UNet2D::forward(const Tensor& sample, double timestep, const Conditioning& conditioning,
                       const Hooks& hooks, const UNetResiduals& residuals) const {
  const c10::InferenceMode no_graph;
  const Parts& parts = *parts_;
  if (sample.dim() != 4 || sample.size(1) != parts.config.in_channels ||
      sample.size(0) != conditioning.batch) {
    throw Error(ErrorCode::kInvalidArgument, "the unet takes latents of " +
                                                 std::to_string(parts.config.in_channels) +
                                                 " channels and as many pictures as prompts");
  }
  const Run run{parts.time_of_resnets(timestep, conditioning), conditioning, hooks};
  Tensor x = sample.to(parts.conv_in.options());
  if (parts.config.center_input_sample) x = x * 2.0 - 1.0;
  x = parts.conv_in(x);
  std::vector<Tensor> skips = {x};
  x = run_down(parts.down_blocks, x, skips, run);
  add_residuals(skips, residuals.down);
  CHECK(parts.mid_block);
  x = parts.mid_block->forward(x, run);
  if (residuals.mid.defined()) x = added(x, residuals.mid);
  x = parts.up(x, skips, run);
  x = parts.conv_out(parts.conv_norm_out(x, Activation::kSilu));
  return x.to(sample.scalar_type()).contiguous();
}

}  // namespace atelier::engine
