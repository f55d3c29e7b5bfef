// The blocks of the conditional UNet, shared by the networks that have its down path and its middle
// (UNet2D, ControlNet). Reference: diffusers unet_2d_blocks, resnet, attention (Apache-2.0).
// Members are named after the checkpoint's keys. Images stay channels_last, so an image seen as
// tokens is a view.
#pragma once

#include <vector>

#include "engine/models/unet2d.h"
#include "engine/nn/conv.h"
#include "engine/nn/linear.h"
#include "engine/nn/module.h"
#include "engine/nn/norm.h"

namespace atelier::engine::unet2d {

// Sines and cosines of every value at `width` / 2 frequencies. values [n] -> [n, width], fp32
Tensor sinusoid(const Tensor& values, std::int64_t width, bool flip_sin_to_cos, double shift);

// Linear, SiLU, Linear: of the time and of the added conditioning.
struct EmbeddingMlp {
  Linear linear_1, linear_2;

  EmbeddingMlp() = default;
  EmbeddingMlp(const Binder& binder, std::int64_t in, std::int64_t out);
  Tensor operator()(const Tensor& x) const { return linear_2(at::silu(linear_1(x))); }
};

// `time_emb_proj` of all resnets, gathered while they are built and run as one product per step.
struct TimeProjections {
  std::vector<Binder> binders;
  std::vector<std::int64_t> widths;
  std::int64_t total = 0;

  // -> where the layer's outputs begin
  std::int64_t add(const Binder& binder, std::int64_t out);
};

// What the parts of the network need while they are built.
struct Build {
  const UNet2DConfig& config;
  TimeProjections time;
  std::size_t cross_count = 0;  // cross attentions so far
  std::int64_t time_width() const { return config.block_out_channels[0] * 4; }
};

// What one forward pass hands to its parts.
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

  Resnet(Build& build, const Binder& binder, std::int64_t in, std::int64_t out_channels);
  Tensor forward(const Tensor& x /* [batch, in, h, w] */, const Run& run) const;
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

  TransformerBlock(Build& build, const Binder& binder, std::int64_t width, std::int64_t head_count);
  Conditioning::KeyValue prepare(const Tensor& context /* [batch, tokens, context] */) const;
  Tensor forward(const Tensor& x /* [batch, tokens, width] */, const Run& run) const;
};

struct Transformer {
  GroupNorm norm;
  Linear proj_in, proj_out;  // in SD1.5's files 1x1 convolutions
  std::vector<TransformerBlock> transformer_blocks;

  Transformer(Build& build, const Binder& binder, std::int64_t width, std::size_t level);
  Tensor forward(const Tensor& x /* [batch, width, h, w] */, const Run& run) const;
};

// One resolution of either path; `attentions` is empty or as long as `resnets`.
struct Block {
  std::vector<Resnet> resnets;
  std::vector<Transformer> attentions;
  Conv2d sampler;  // downsamplers.0 or upsamplers.0; undefined at the end of a path

  Tensor layer(std::size_t i, const Tensor& x, const Run& run) const;
};

// `binder` is at `down_blocks.<level>`.
Block build_down(Build& build, const Binder& binder, std::size_t level);
// `binder` is at `up_blocks.<step>`; `step` counts from the lowest resolution and mirrors the level
// `last - step` of the down path.
Block build_up(Build& build, const Binder& binder, std::size_t step);

// Runs the down path. Appends to `skips` the output of every layer and downsampler.
Tensor run_down(const std::vector<Block>& blocks, Tensor x, std::vector<Tensor>& skips,
                const Run& run);

// `mid_block`: resnet, attention, resnet.
struct MidBlock {
  std::vector<Resnet> resnets;
  std::vector<Transformer> attentions;

  MidBlock(Build& build, const Binder& binder);
  Tensor forward(const Tensor& x, const Run& run) const;
};

}  // namespace atelier::engine::unet2d
