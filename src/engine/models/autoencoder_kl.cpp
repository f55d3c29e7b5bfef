// The autoencoder. Reference: diffusers `AutoencoderKL` (Apache-2.0); weights by CompVis and
// Stability AI. Names are the checkpoint's keys. Pictures stay channels_last.
#include "engine/models/autoencoder_kl.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <string>

#include "engine/models/config_reader.h"
#include "engine/nn/attention.h"
#include "engine/nn/conv.h"
#include "engine/nn/linear.h"
#include "engine/nn/norm.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

constexpr double kNormEps = 1e-6;  // of all norms of this network
constexpr double kTileOverlap = 0.25;

using CheckCancelled = AutoencoderKl::CheckCancelled;

void check_cancelled(const CheckCancelled& check) {
  if (check) check();
}

struct Resnet {
  GroupNorm norm1, norm2;
  Conv2d conv1, conv2, conv_shortcut;

  Resnet(const Binder& binder, std::int64_t groups, std::int64_t in, std::int64_t out)
      : norm1(binder.scope("norm1"), groups, in, kNormEps),
        norm2(binder.scope("norm2"), groups, out, kNormEps),
        conv1(binder.scope("conv1"), {in, out}),
        conv2(binder.scope("conv2"), {out, out}) {
    if (in != out) conv_shortcut = Conv2d(binder.scope("conv_shortcut"), {in, out, 1, 1, 0});
  }

  Tensor forward(const Tensor& x /* [batch, in, h, w] */, const CheckCancelled& check) const {
    check_cancelled(check);
    const Tensor hidden_states = conv1(norm1(x, Activation::kSilu));
    const Tensor residual = conv_shortcut.defined() ? conv_shortcut(x) : x;
    return conv2(norm2(hidden_states, Activation::kSilu), {{}, residual});
  }
};

// Self attention of all pixels with one head as wide as the picture has channels.
struct PixelAttention {
  GroupNorm group_norm;
  Linear to_qkv, to_out;

  PixelAttention() = default;
  PixelAttention(const Binder& binder, std::int64_t groups, std::int64_t width)
      : group_norm(binder.scope("group_norm"), groups, width, kNormEps),
        to_qkv(Linear::joined({binder.scope("to_q"), binder.scope("to_k"), binder.scope("to_v")},
                              width, {width, width, width}, Bias::kYes)),
        to_out(binder.scope("to_out").scope(0), width, width, Bias::kYes) {}

  Tensor forward(const Tensor& x /* [batch, width, h, w] */) const {
    const Tensor pixels = group_norm(x).permute({0, 2, 3, 1});                 // [b, h, w, width]
    const std::vector<Tensor> qkv = to_qkv(pixels.flatten(1, 2)).chunk(3, 2);  // [b, h * w, width]
    const Tensor mixed =
        attention(split_heads(qkv[0], 1), split_heads(qkv[1], 1), split_heads(qkv[2], 1));
    const Tensor residual = x.permute({0, 2, 3, 1}).flatten(1, 2);
    return to_out(mixed, residual).view(pixels.sizes()).permute({0, 3, 1, 2});
  }
};

struct MidBlock {
  std::vector<Resnet> resnets;
  std::vector<PixelAttention> attentions;  // one or none

  MidBlock(const AutoencoderKlConfig& config, const Binder& binder) {
    const std::int64_t groups = config.norm_num_groups, width = config.block_out_channels.back();
    resnets.emplace_back(binder.scope("resnets").scope(0), groups, width, width);
    if (config.mid_block_attention) {
      attentions.emplace_back(binder.scope("attentions").scope(0), groups, width);
    }
    resnets.emplace_back(binder.scope("resnets").scope(1), groups, width, width);
  }

  Tensor forward(const Tensor& x, const CheckCancelled& check) const {
    Tensor hidden_states = resnets[0].forward(x, check);
    check_cancelled(check);
    for (const PixelAttention& layer : attentions) hidden_states = layer.forward(hidden_states);
    return resnets[1].forward(hidden_states, check);
  }
};

// One resolution: its resnets, then the sampler if there is another resolution after it.
struct Block {
  std::vector<Resnet> resnets;
  Conv2d sampler;

  Tensor layers(Tensor x, const CheckCancelled& check) const {
    for (const Resnet& resnet : resnets) x = resnet.forward(x, check);
    return x;
  }
};

struct Encoder {
  Conv2d conv_in, conv_out;
  std::vector<Block> down_blocks;
  MidBlock mid_block;
  GroupNorm conv_norm_out;

  Encoder(const AutoencoderKlConfig& config, const Binder& binder)
      : conv_in(binder.scope("conv_in"), {config.in_channels, config.block_out_channels[0]}),
        conv_out(binder.scope("conv_out"),
                 {config.block_out_channels.back(), 2 * config.latent_channels}),
        mid_block(config, binder.scope("mid_block")),
        conv_norm_out(binder.scope("conv_norm_out"), config.norm_num_groups,
                      config.block_out_channels.back(), kNormEps) {
    std::int64_t in = config.block_out_channels[0];
    for (std::size_t level = 0; level < config.block_out_channels.size(); ++level) {
      const Binder scope = binder.scope("down_blocks").scope(std::to_string(level));
      const std::int64_t out = config.block_out_channels[level];
      Block block;
      for (std::int64_t i = 0; i < config.layers_per_block; ++i, in = out) {
        block.resnets.emplace_back(scope.scope("resnets").scope(i), config.norm_num_groups, in,
                                   out);
      }
      if (level + 1 < config.block_out_channels.size()) {
        block.sampler =
            Conv2d(scope.scope("downsamplers").scope(0).scope("conv"), {out, out, 3, 2, 0});
      }
      down_blocks.push_back(std::move(block));
    }
  }

  Tensor forward(const Tensor& image /* [batch, 3, h, w] */, const CheckCancelled& check) const {
    Tensor x = conv_in(image);
    for (const Block& block : down_blocks) {
      x = block.layers(x, check);
      // Zeros at the right and the bottom only.
      if (block.sampler.defined()) x = block.sampler(at::constant_pad_nd(x, {0, 1, 0, 1}));
    }
    x = mid_block.forward(x, check);
    return conv_out(conv_norm_out(x, Activation::kSilu));  // [batch, 2 * latent, h / s, w / s]
  }
};

struct Decoder {
  Conv2d conv_in, conv_out;
  MidBlock mid_block;
  std::vector<Block> up_blocks;
  GroupNorm conv_norm_out;

  Decoder(const AutoencoderKlConfig& config, const Binder& binder)
      : conv_in(binder.scope("conv_in"),
                {config.latent_channels, config.block_out_channels.back()}),
        conv_out(binder.scope("conv_out"), {config.block_out_channels[0], config.out_channels}),
        mid_block(config, binder.scope("mid_block")),
        conv_norm_out(binder.scope("conv_norm_out"), config.norm_num_groups,
                      config.block_out_channels[0], kNormEps) {
    const std::size_t count = config.block_out_channels.size();
    std::int64_t in = config.block_out_channels.back();
    for (std::size_t step = 0; step < count; ++step) {
      const Binder scope = binder.scope("up_blocks").scope(std::to_string(step));
      const std::int64_t out = config.block_out_channels[count - 1 - step];
      Block block;
      for (std::int64_t i = 0; i < config.layers_per_block + 1; ++i, in = out) {
        block.resnets.emplace_back(scope.scope("resnets").scope(i), config.norm_num_groups, in,
                                   out);
      }
      if (step + 1 < count) {
        block.sampler = Conv2d(scope.scope("upsamplers").scope(0).scope("conv"),
                               {out, out, 3, 1, 1, Upsample::kYes});
      }
      up_blocks.push_back(std::move(block));
    }
  }

  Tensor forward(const Tensor& latents /* [batch, latent, h, w] */,
                 const CheckCancelled& check) const {
    Tensor x = mid_block.forward(conv_in(latents), check);
    for (const Block& block : up_blocks) {
      x = block.layers(x, check);
      if (block.sampler.defined()) {
        check_cancelled(check);
        x = block.sampler.upsampled(x, {x.size(2) * 2, x.size(3) * 2});
      }
    }
    return conv_out(conv_norm_out(x, Activation::kSilu));  // [batch, 3, h * scale, w * scale]
  }
};

// Fades the first rows (dimension 2) or columns (3) of `tile` in over the last ones of its
// neighbour.
void blend(const Tensor& neighbour, const Tensor& tile, std::int64_t dimension,
           std::int64_t extent) {
  extent = std::min({neighbour.size(dimension), tile.size(dimension), extent});
  std::vector<std::int64_t> along(4, 1);
  along[static_cast<std::size_t>(dimension)] = extent;
  const Tensor weight =
      (at::arange(extent, tile.options()) / static_cast<double>(extent)).view(along);
  Tensor begin = tile.narrow(dimension, 0, extent);
  const Tensor end = neighbour.narrow(dimension, neighbour.size(dimension) - extent, extent);
  begin.copy_(end * (1.0 - weight) + begin * weight);
}

struct Tiling {
  std::int64_t tile, step;    // of the input
  std::int64_t extent, keep;  // of the output: blended over, kept of each tile
};

// Runs `network` tile by tile; every tile is blended with the one above and the one to its left.
template <typename Network>
Tensor run_tiled(const Tensor& input, const Tiling& tiling, Network network) {
  std::vector<Tensor> above, bands;
  for (std::int64_t top = 0; top < input.size(2); top += tiling.step) {
    std::vector<Tensor> row, kept;
    for (std::int64_t left = 0; left < input.size(3); left += tiling.step) {
      const Tensor part = input.narrow(2, top, std::min(tiling.tile, input.size(2) - top))
                              .narrow(3, left, std::min(tiling.tile, input.size(3) - left));
      Tensor tile = network(part);
      if (!above.empty()) blend(above[row.size()], tile, 2, tiling.extent);
      if (!row.empty()) blend(row.back(), tile, 3, tiling.extent);
      kept.push_back(tile.narrow(2, 0, std::min(tiling.keep, tile.size(2)))
                         .narrow(3, 0, std::min(tiling.keep, tile.size(3))));
      row.push_back(tile);
    }
    bands.push_back(at::cat(kept, 3));
    above = std::move(row);
  }
  return at::cat(bands, 2);
}

void check_input(const Tensor& x, std::int64_t channels, std::int64_t multiple, const char* what) {
  if (x.dim() == 4 && x.size(1) == channels && x.size(2) > 0 && x.size(3) > 0 &&
      x.size(2) % multiple == 0 && x.size(3) % multiple == 0) {
    return;
  }
  throw Error(ErrorCode::kInvalidArgument,
              "the autoencoder takes " + std::string(what) + " of " + std::to_string(channels) +
                  " channels with sides that are multiples of " + std::to_string(multiple));
}

}  // namespace

AutoencoderKlConfig AutoencoderKlConfig::from_json(const boost::json::object& json) {
  const ConfigReader read(json, "vae");
  AutoencoderKlConfig config;
  read.only("act_fn", {"\"silu\"", "\"swish\""});
  read.only("latents_mean", {});
  read.only("latents_std", {});
  for (const std::string& name : read.texts("down_block_types", {})) {
    if (name != "DownEncoderBlock2D") read.unsupported("down_block_types");
  }
  for (const std::string& name : read.texts("up_block_types", {})) {
    if (name != "UpDecoderBlock2D") read.unsupported("up_block_types");
  }
  config.in_channels = read.integer("in_channels", config.in_channels);
  config.out_channels = read.integer("out_channels", config.out_channels);
  config.latent_channels = read.integer("latent_channels", config.latent_channels);
  config.block_out_channels = read.integers("block_out_channels", config.block_out_channels);
  config.layers_per_block = read.integer("layers_per_block", config.layers_per_block);
  config.norm_num_groups = read.integer("norm_num_groups", config.norm_num_groups);
  config.sample_size = read.per_block("sample_size", 2, config.sample_size)[0];
  config.scaling_factor = read.number("scaling_factor", config.scaling_factor);
  // Latents are divided by it; published ones are 0.13 to 1.6.
  if (!(std::abs(config.scaling_factor) >= 1e-6 && std::abs(config.scaling_factor) <= 1e6)) {
    read.unsupported("scaling_factor");
  }
  config.shift_factor = read.number("shift_factor", config.shift_factor);
  config.force_upcast_given = read.has("force_upcast");
  config.force_upcast = read.boolean("force_upcast", config.force_upcast);
  config.mid_block_attention = read.boolean("mid_block_add_attention", true);
  config.use_quant_conv = read.boolean("use_quant_conv", true);
  config.use_post_quant_conv = read.boolean("use_post_quant_conv", true);
  return config;
}

struct AutoencoderKl::Parts {
  AutoencoderKlConfig config;
  std::shared_ptr<ModuleTree> modules;
  Encoder encoder;
  Decoder decoder;
  Conv2d quant_conv, post_quant_conv;

  Parts(const AutoencoderKlConfig& given, const Binder& binder)
      : config(given),
        modules(binder.modules()),
        encoder(config, binder.scope("encoder")),
        decoder(config, binder.scope("decoder")) {
    const std::int64_t latent = config.latent_channels;
    if (config.use_quant_conv) {
      quant_conv = Conv2d(binder.scope("quant_conv"), {2 * latent, 2 * latent, 1, 1, 0});
    }
    if (config.use_post_quant_conv) {
      post_quant_conv = Conv2d(binder.scope("post_quant_conv"), {latent, latent, 1, 1, 0});
    }
  }

  Tensor moments(const Tensor& image, const CheckCancelled& check) const {
    const Tensor encoded = encoder.forward(image.to(encoder.conv_in.options()), check);
    return quant_conv.defined() ? quant_conv(encoded) : encoded;
  }

  Tensor picture(const Tensor& latents, const CheckCancelled& check) const {
    const Tensor x = latents.to(decoder.conv_in.options());
    return decoder.forward(post_quant_conv.defined() ? post_quant_conv(x) : x, check);
  }
};

namespace {

LatentMoments split_moments(const Tensor& moments, at::ScalarType dtype) {
  const std::vector<Tensor> both = moments.to(dtype).chunk(2, 1);
  return {both[0].contiguous(), both[1].clamp(-30.0, 20.0).contiguous()};
}

}  // namespace

AutoencoderKl::AutoencoderKl(const AutoencoderKlConfig& config, const Binder& binder) {
  const c10::InferenceMode no_graph;
  parts_ = std::make_unique<Parts>(config, binder);
}
AutoencoderKl::~AutoencoderKl() = default;
AutoencoderKl::AutoencoderKl(AutoencoderKl&&) noexcept = default;
AutoencoderKl& AutoencoderKl::operator=(AutoencoderKl&&) noexcept = default;

const AutoencoderKlConfig& AutoencoderKl::config() const { return parts_->config; }

void AutoencoderKl::rebind(const TensorSource& source, std::span<const std::string> tensors) {
  const c10::InferenceMode no_graph;
  parts_->modules->rebind(source, tensors);
}

LatentMoments AutoencoderKl::encode(const Tensor& image, const CheckCancelled& check) const {
  const c10::InferenceMode no_graph;
  check_input(image, config().in_channels, config().scale(), "pictures");
  return split_moments(parts_->moments(image, check), image.scalar_type());
}

Tensor AutoencoderKl::decode(const Tensor& latents, const CheckCancelled& check) const {
  const c10::InferenceMode no_graph;
  check_input(latents, config().latent_channels, 1, "latents");
  return parts_->picture(latents, check).to(latents.scalar_type()).contiguous();
}

LatentMoments AutoencoderKl::tiled_encode(const Tensor& image, const CheckCancelled& check) const {
  const c10::InferenceMode no_graph;
  check_input(image, config().in_channels, config().scale(), "pictures");
  const std::int64_t tile = config().sample_size, latent_tile = tile / config().scale();
  if (image.size(2) <= tile && image.size(3) <= tile) return encode(image, check);
  const auto extent = static_cast<std::int64_t>(static_cast<double>(latent_tile) * kTileOverlap);
  const Tiling tiling{tile,
                      static_cast<std::int64_t>(static_cast<double>(tile) * (1 - kTileOverlap)),
                      extent, latent_tile - extent};
  const Tensor moments =
      run_tiled(image, tiling, [&](const Tensor& part) { return parts_->moments(part, check); });
  return split_moments(moments, image.scalar_type());
}

Tensor AutoencoderKl::tiled_decode(const Tensor& latents, const CheckCancelled& check) const {
  const c10::InferenceMode no_graph;
  check_input(latents, config().latent_channels, 1, "latents");
  const std::int64_t tile = config().sample_size, latent_tile = tile / config().scale();
  if (latents.size(2) <= latent_tile && latents.size(3) <= latent_tile) {
    return decode(latents, check);
  }
  const auto extent = static_cast<std::int64_t>(static_cast<double>(tile) * kTileOverlap);
  const Tiling tiling{
      latent_tile, static_cast<std::int64_t>(static_cast<double>(latent_tile) * (1 - kTileOverlap)),
      extent, tile - extent};
  return run_tiled(latents, tiling,
                   [&](const Tensor& part) { return parts_->picture(part, check); })
      .to(latents.scalar_type())
      .contiguous();
}

}  // namespace atelier::engine
