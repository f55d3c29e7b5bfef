// The conditional UNet. Reference: diffusers `UNet2DConditionModel` (Apache-2.0); weights by
// CompVis, Runway and Stability AI under the CreativeML OpenRAIL licences. Names are the
// checkpoint's keys. Pictures stay channels_last, so a picture seen as tokens is a view.
#include "engine/models/unet2d.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <numeric>

#include "engine/models/config_reader.h"
#include "engine/nn/attention.h"
#include "engine/nn/conv.h"
#include "engine/nn/linear.h"
#include "engine/nn/norm.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

constexpr double kTransformerNormEps = 1e-6;  // of the norm before a transformer
constexpr double kLayerNormEps = 1e-5;

// Sines and cosines of every value at `width` / 2 frequencies. values [n] -> [n, width], fp32
Tensor sinusoid(const Tensor& values, std::int64_t width, bool flip_sin_to_cos, double shift) {
  const std::int64_t half = width / 2;
  const Tensor exponent = at::arange(half, values.options().dtype(at::kFloat)) *
                          (-std::log(10000.0)) / (static_cast<double>(half) - shift);
  const Tensor angles = values.to(at::kFloat).unsqueeze(1) * exponent.exp();  // [n, half]
  return flip_sin_to_cos ? at::cat({angles.cos(), angles.sin()}, 1)
                         : at::cat({angles.sin(), angles.cos()}, 1);
}

// Linear, SiLU, Linear: of the time and of the added conditioning.
struct EmbeddingMlp {
  Linear linear_1, linear_2;

  EmbeddingMlp() = default;
  EmbeddingMlp(const Binder& binder, std::int64_t in, std::int64_t out)
      : linear_1(binder.scope("linear_1"), in, out, Bias::kYes),
        linear_2(binder.scope("linear_2"), out, out, Bias::kYes) {}
  Tensor operator()(const Tensor& x) const { return linear_2(at::silu(linear_1(x))); }
};

// `time_emb_proj` of all resnets, gathered while they are bound and run as one product per step.
struct TimeProjections {
  std::vector<Binder> binders;
  std::vector<std::int64_t> widths;
  std::int64_t total = 0;

  // -> where the layer's outputs begin
  std::int64_t add(const Binder& binder, std::int64_t out) {
    binders.push_back(binder);
    widths.push_back(out);
    total += out;
    return total - out;
  }
};

// What the parts of the network need while they are built.
struct Build {
  const UNet2DConfig& config;
  TimeProjections time;
  std::size_t cross_count = 0;  // cross attentions so far
  std::int64_t time_width() const { return config.block_out_channels[0] * 4; }
};

// What one forward hands to its parts.
struct Run {
  Tensor time;  // [1 or batch, all time projections]
  const Conditioning& conditioning;
  const Hooks& hooks;
  void check_cancelled() const {
    if (hooks.check_cancelled) hooks.check_cancelled();
  }
};

struct Resnet {
  GroupNorm norm1, norm2;
  Conv2d conv1, conv2, conv_shortcut;
  std::int64_t time_begin, out;

  Resnet(Build& build, const Binder& binder, std::int64_t in, std::int64_t out_channels)
      : norm1(binder.scope("norm1"), build.config.norm_num_groups, in, build.config.norm_eps),
        norm2(binder.scope("norm2"), build.config.norm_num_groups, out_channels,
              build.config.norm_eps),
        conv1(binder.scope("conv1"), {in, out_channels}),
        conv2(binder.scope("conv2"), {out_channels, out_channels}),
        time_begin(build.time.add(binder.scope("time_emb_proj"), out_channels)),
        out(out_channels) {
    if (in != out) conv_shortcut = Conv2d(binder.scope("conv_shortcut"), {in, out, 1, 1, 0});
  }

  Tensor forward(const Tensor& x /* [batch, in, h, w] */, const Run& run) const {
    run.check_cancelled();
    const Tensor time = run.time.narrow(1, time_begin, out);
    const Tensor hidden_states = conv1(norm1(x, Activation::kSilu), {time, {}});
    const Tensor residual = conv_shortcut.defined() ? conv_shortcut(x) : x;
    return conv2(norm2(hidden_states, Activation::kSilu), {{}, residual});
  }
};

// One layer: self attention, cross attention, gated feed forward; each with its norm and residual.
struct TransformerBlock {
  LayerNorm norm1, norm2, norm3;
  Linear to_qkv, to_out;                // attn1
  Linear cross_q, cross_kv, cross_out;  // attn2
  GatedLinear ff_in;
  Linear ff_out;
  std::int64_t heads;
  std::size_t cross_index;

  TransformerBlock(Build& build, const Binder& binder, std::int64_t width, std::int64_t head_count)
      : norm1(binder.scope("norm1"), width, kLayerNormEps),
        norm2(binder.scope("norm2"), width, kLayerNormEps),
        norm3(binder.scope("norm3"), width, kLayerNormEps),
        heads(head_count),
        cross_index(build.cross_count++) {
    const Binder self = binder.scope("attn1"), cross = binder.scope("attn2");
    const Binder feed = binder.scope("ff").scope("net");
    to_qkv = Linear::joined({self.scope("to_q"), self.scope("to_k"), self.scope("to_v")}, width,
                            {width, width, width}, Bias::kNo);
    to_out = Linear(self.scope("to_out").scope(0), width, width, Bias::kYes);
    cross_q = Linear(cross.scope("to_q"), width, width, Bias::kNo);
    cross_kv = Linear::joined({cross.scope("to_k"), cross.scope("to_v")},
                              build.config.cross_attention_dim, {width, width}, Bias::kNo);
    cross_out = Linear(cross.scope("to_out").scope(0), width, width, Bias::kYes);
    ff_in = GatedLinear(feed.scope(0).scope("proj"), width, width * 4);
    ff_out = Linear(feed.scope(2), width * 4, width, Bias::kYes);
  }

  Conditioning::KeyValue prepare(const Tensor& context /* [batch, tokens, context] */) const {
    const std::vector<Tensor> both = cross_kv(context).chunk(2, 2);  // [batch, tokens, width] each
    return {split_heads(both[0].contiguous(), heads), split_heads(both[1].contiguous(), heads)};
  }

  Tensor forward(const Tensor& x /* [batch, tokens, width] */, const Run& run) const {
    run.check_cancelled();
    const std::vector<Tensor> qkv = to_qkv(norm1(x)).chunk(3, 2);
    Tensor hidden_states = to_out(attention(split_heads(qkv[0], heads), split_heads(qkv[1], heads),
                                            split_heads(qkv[2], heads)),
                                  x);
    const Conditioning::KeyValue& text = run.conditioning.cross[cross_index];
    const Tensor query = split_heads(cross_q(norm2(hidden_states)), heads);
    hidden_states = cross_out(attention(query, text.key, text.value), hidden_states);
    return ff_out(ff_in(norm3(hidden_states)), hidden_states);
  }
};

struct Transformer {
  GroupNorm norm;
  Linear proj_in, proj_out;  // in SD1.5's files 1x1 convolutions
  std::vector<TransformerBlock> transformer_blocks;

  Transformer(Build& build, const Binder& binder, std::int64_t width, std::size_t level)
      : norm(binder.scope("norm"), build.config.norm_num_groups, width, kTransformerNormEps) {
    const auto projection = [&](const char* name) {
      return build.config.use_linear_projection
                 ? Linear(binder.scope(name), width, width, Bias::kYes)
                 : Linear::from_convolution(binder.scope(name), width, width);
    };
    proj_in = projection("proj_in");
    for (std::int64_t i = 0; i < build.config.transformer_layers[level]; ++i) {
      transformer_blocks.emplace_back(build, binder.scope("transformer_blocks").scope(i), width,
                                      build.config.attention_heads[level]);
    }
    proj_out = projection("proj_out");
  }

  Tensor forward(const Tensor& x /* [batch, width, h, w] */, const Run& run) const {
    const Tensor pixels = norm(x).permute({0, 2, 3, 1});   // [batch, h, w, width]
    Tensor hidden_states = proj_in(pixels.flatten(1, 2));  // [batch, h * w, width]
    for (const TransformerBlock& block : transformer_blocks) {
      hidden_states = block.forward(hidden_states, run);
    }
    const Tensor residual = x.permute({0, 2, 3, 1}).flatten(1, 2);
    return proj_out(hidden_states, residual).view(pixels.sizes()).permute({0, 3, 1, 2});
  }
};

// One resolution of either path; `attentions` is empty or as long as `resnets`.
struct Block {
  std::vector<Resnet> resnets;
  std::vector<Transformer> attentions;
  Conv2d sampler;  // downsamplers.0 or upsamplers.0; undefined at the end of a path

  Tensor layer(std::size_t i, const Tensor& x, const Run& run) const {
    const Tensor hidden_states = resnets[i].forward(x, run);
    return attentions.empty() ? hidden_states : attentions[i].forward(hidden_states, run);
  }
};

Block build_down(Build& build, const Binder& binder, std::size_t level) {
  const UNet2DConfig& config = build.config;
  const std::int64_t out = config.block_out_channels[level];
  std::int64_t in = config.block_out_channels[level == 0 ? 0 : level - 1];
  Block block;
  for (std::int64_t i = 0; i < config.layers_per_block[level]; ++i, in = out) {
    block.resnets.emplace_back(build, binder.scope("resnets").scope(i), in, out);
    if (config.down_attention[level]) {
      block.attentions.emplace_back(build, binder.scope("attentions").scope(i), out, level);
    }
  }
  if (level + 1 < config.block_out_channels.size()) {
    block.sampler =
        Conv2d(binder.scope("downsamplers").scope(0).scope("conv"), {out, out, 3, 2, 1});
  }
  return block;
}

// `step` counts from the lowest resolution; it mirrors the level `last - step` of the down path.
Block build_up(Build& build, const Binder& binder, std::size_t step) {
  const UNet2DConfig& config = build.config;
  const std::size_t last = config.block_out_channels.size() - 1, level = last - step;
  const std::int64_t out = config.block_out_channels[level];
  const std::int64_t before = config.block_out_channels[step == 0 ? last : level + 1];
  const std::int64_t lowest_skip = config.block_out_channels[level == 0 ? 0 : level - 1];
  const std::int64_t layers = config.layers_per_block[level] + 1;
  Block block;
  for (std::int64_t i = 0; i < layers; ++i) {
    const std::int64_t skip = i + 1 == layers ? lowest_skip : out;
    block.resnets.emplace_back(build, binder.scope("resnets").scope(i),
                               (i == 0 ? before : out) + skip, out);
    if (config.up_attention[step]) {
      block.attentions.emplace_back(build, binder.scope("attentions").scope(i), out, level);
    }
  }
  if (step < last) {
    block.sampler = Conv2d(binder.scope("upsamplers").scope(0).scope("conv"),
                           {out, out, 3, 1, 1, Upsample::kYes});
  }
  return block;
}

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
  // In the reference null is no middle block at all, and a list in the list a number per layer.
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
  EmbeddingMlp time_embedding, add_embedding;
  Conv2d conv_in, conv_out;
  std::vector<Block> down_blocks, up_blocks;
  std::vector<Resnet> mid_resnets;
  std::vector<Transformer> mid_attentions;
  GroupNorm conv_norm_out;
  Linear time_projections;  // of all resnets

  Parts(const UNet2DConfig& given, const Binder& binder) : config(given) {
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
    build_mid(build, binder.scope("mid_block"));
    for (std::size_t i = 0; i < count; ++i) {
      up_blocks.push_back(build_up(build, binder.scope("up_blocks").scope(std::to_string(i)), i));
    }
    conv_norm_out =
        GroupNorm(binder.scope("conv_norm_out"), config.norm_num_groups, first, config.norm_eps);
    conv_out = Conv2d(binder.scope("conv_out"), {first, config.out_channels});
    time_projections = Linear::joined(build.time.binders, time, build.time.widths, Bias::kYes);
  }

  void build_mid(Build& build, const Binder& binder) {
    const std::int64_t width = config.block_out_channels.back();
    const std::size_t level = config.block_out_channels.size() - 1;
    mid_resnets.emplace_back(build, binder.scope("resnets").scope(0), width, width);
    mid_attentions.emplace_back(build, binder.scope("attentions").scope(0), width, level);
    mid_resnets.emplace_back(build, binder.scope("resnets").scope(1), width, width);
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
    all(mid_attentions);
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

  Tensor down(Tensor x, std::vector<Tensor>& skips, const Run& run) const {
    for (const Block& block : down_blocks) {
      for (std::size_t i = 0; i < block.resnets.size(); ++i) {
        x = block.layer(i, x, run);
        skips.push_back(x);
      }
      if (block.sampler.defined()) skips.push_back(x = block.sampler(x));
    }
    return x;
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

Conditioning UNet2D::prepare(const Tensor& context, const AddedConditioning& added) const {
  const c10::InferenceMode no_graph;
  const Parts& parts = *parts_;
  const bool given = added.pooled.defined() && added.time_ids.defined();
  if (context.dim() != 3 || context.size(2) != parts.config.cross_attention_dim ||
      given != parts.config.text_time) {
    throw Error(ErrorCode::kInvalidArgument,
                "the unet wants a text embedding of width " +
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
                       const Hooks& hooks) const {
  const c10::InferenceMode no_graph;
  const Parts& parts = *parts_;
  if (sample.dim() != 4 || sample.size(1) != parts.config.in_channels ||
      sample.size(0) != conditioning.batch) {
    throw Error(ErrorCode::kInvalidArgument, "the unet wants latents of " +
                                                 std::to_string(parts.config.in_channels) +
                                                 " channels and as many pictures as prompts");
  }
  const Run run{parts.time_of_resnets(timestep, conditioning), conditioning, hooks};
  Tensor x = sample.to(parts.conv_in.options());
  if (parts.config.center_input_sample) x = x * 2.0 - 1.0;
  x = parts.conv_in(x);
  std::vector<Tensor> skips = {x};
  x = parts.down(x, skips, run);
  x = parts.mid_resnets[0].forward(x, run);
  x = parts.mid_attentions[0].forward(x, run);
  x = parts.mid_resnets[1].forward(x, run);
  x = parts.up(x, skips, run);
  x = parts.conv_out(parts.conv_norm_out(x, Activation::kSilu));
  return x.to(sample.scalar_type()).contiguous();
}

}  // namespace atelier::engine
