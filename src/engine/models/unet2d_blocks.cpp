#include "engine/models/unet2d_blocks.h"

#include <cmath>

#include "engine/nn/attention.h"

namespace atelier::engine::unet2d {
namespace {

constexpr double kTransformerNormEps = 1e-6;  // of the norm before a transformer
constexpr double kLayerNormEps = 1e-5;

}  // namespace

Tensor sinusoid(const Tensor& values, std::int64_t width, bool flip_sin_to_cos, double shift) {
  const std::int64_t half = width / 2;
  const Tensor exponent = at::arange(half, values.options().dtype(at::kFloat)) *
                          (-std::log(10000.0)) / (static_cast<double>(half) - shift);
  const Tensor angles = values.to(at::kFloat).unsqueeze(1) * exponent.exp();  // [n, half]
  return flip_sin_to_cos ? at::cat({angles.cos(), angles.sin()}, 1)
                         : at::cat({angles.sin(), angles.cos()}, 1);
}

EmbeddingMlp::EmbeddingMlp(const Binder& binder, std::int64_t in, std::int64_t out)
    : linear_1(binder.scope("linear_1"), in, out, Bias::kYes),
      linear_2(binder.scope("linear_2"), out, out, Bias::kYes) {}

std::int64_t TimeProjections::add(const Binder& binder, std::int64_t out) {
  binders.push_back(binder);
  widths.push_back(out);
  total += out;
  return total - out;
}

Resnet::Resnet(Build& build, const Binder& binder, std::int64_t in, std::int64_t out_channels)
    : norm1(binder.scope("norm1"), build.config.norm_num_groups, in, build.config.norm_eps),
      norm2(binder.scope("norm2"), build.config.norm_num_groups, out_channels,
            build.config.norm_eps),
      conv1(binder.scope("conv1"), {in, out_channels}),
      conv2(binder.scope("conv2"), {out_channels, out_channels}),
      time_begin(build.time.add(binder.scope("time_emb_proj"), out_channels)),
      out(out_channels) {
  if (in != out) conv_shortcut = Conv2d(binder.scope("conv_shortcut"), {in, out, 1, 1, 0});
}

Tensor Resnet::forward(const Tensor& x, const Run& run) const {
  run.check_cancelled();
  const Tensor time = run.time.narrow(1, time_begin, out);
  const Tensor hidden_states = conv1(norm1(x, Activation::kSilu), {time, {}});
  const Tensor residual = conv_shortcut.defined() ? conv_shortcut(x) : x;
  return conv2(norm2(hidden_states, Activation::kSilu), {{}, residual});
}

TransformerBlock::TransformerBlock(Build& build, const Binder& binder, std::int64_t width,
                                   std::int64_t head_count)
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

Conditioning::KeyValue TransformerBlock::prepare(const Tensor& context) const {
  const std::vector<Tensor> both = cross_kv(context).chunk(2, 2);  // [batch, tokens, width] each
  return {split_heads(both[0].contiguous(), heads), split_heads(both[1].contiguous(), heads)};
}

Tensor TransformerBlock::forward(const Tensor& x, const Run& run) const {
  run.check_cancelled();
  const std::vector<Tensor> qkv = to_qkv(norm1(x)).chunk(3, 2);
  Tensor hidden_states = to_out(
      attention(split_heads(qkv[0], heads), split_heads(qkv[1], heads), split_heads(qkv[2], heads)),
      x);
  const Conditioning::KeyValue& text = run.conditioning.cross[cross_index];
  const Tensor query = split_heads(cross_q(norm2(hidden_states)), heads);
  hidden_states = cross_out(attention(query, text.key, text.value), hidden_states);
  return ff_out(ff_in(norm3(hidden_states)), hidden_states);
}

Transformer::Transformer(Build& build, const Binder& binder, std::int64_t width, std::size_t level)
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

Tensor Transformer::forward(const Tensor& x, const Run& run) const {
  const Tensor pixels = norm(x).permute({0, 2, 3, 1});   // [batch, h, w, width]
  Tensor hidden_states = proj_in(pixels.flatten(1, 2));  // [batch, h * w, width]
  for (const TransformerBlock& block : transformer_blocks) {
    hidden_states = block.forward(hidden_states, run);
  }
  const Tensor residual = x.permute({0, 2, 3, 1}).flatten(1, 2);
  return proj_out(hidden_states, residual).view(pixels.sizes()).permute({0, 3, 1, 2});
}

Tensor Block::layer(std::size_t i, const Tensor& x, const Run& run) const {
  const Tensor hidden_states = resnets[i].forward(x, run);
  return attentions.empty() ? hidden_states : attentions[i].forward(hidden_states, run);
}

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

Tensor run_down(const std::vector<Block>& blocks, Tensor x, std::vector<Tensor>& skips,
                const Run& run) {
  for (const Block& block : blocks) {
    for (std::size_t i = 0; i < block.resnets.size(); ++i) {
      x = block.layer(i, x, run);
      skips.push_back(x);
    }
    if (block.sampler.defined()) skips.push_back(x = block.sampler(x));
  }
  return x;
}

MidBlock::MidBlock(Build& build, const Binder& binder) {
  const std::int64_t width = build.config.block_out_channels.back();
  const std::size_t level = build.config.block_out_channels.size() - 1;
  resnets.emplace_back(build, binder.scope("resnets").scope(0), width, width);
  attentions.emplace_back(build, binder.scope("attentions").scope(0), width, level);
  resnets.emplace_back(build, binder.scope("resnets").scope(1), width, width);
}

Tensor MidBlock::forward(const Tensor& x, const Run& run) const {
  const Tensor hidden_states = attentions[0].forward(resnets[0].forward(x, run), run);
  return resnets[1].forward(hidden_states, run);
}

}  // namespace atelier::engine::unet2d
