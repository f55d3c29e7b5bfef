// SRVGGNetCompact. Reference: basicsr `SRVGGNetCompact` (Apache-2.0); weights by Xintao Wang
// (BSD-3-Clause). Names are the checkpoint's keys. Pictures stay channels_last.
#include "engine/models/srvgg_compact.h"

#include <cmath>
#include <string>
#include <vector>

#include "engine/models/ncnn_walk.h"
#include "engine/nn/conv.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

constexpr std::int64_t kUpscaleMax = 8;
constexpr std::int64_t kPlacesMax = 1000;  // published files have 35 or 67

std::string place(std::int64_t i) { return "body." + std::to_string(i); }

std::int64_t slopes_place(std::int64_t i) { return 2 * i + 1; }

// The side of the blocks of pixels that `out` channels make; 0: none.
std::int64_t upscale_of(std::int64_t out, std::int64_t channels) {
  for (std::int64_t side = 1; side <= kUpscaleMax; ++side) {
    if (out == channels * side * side) return side;
  }
  return 0;
}

const TensorInfo* find(std::span<const TensorInfo> tensors, const std::string& name) {
  for (const TensorInfo& tensor : tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

// `first`, `last`: weights of the outer convolutions.
std::optional<SrvggCompactConfig> config_of(const TensorInfo* first, const TensorInfo* last,
                                            std::int64_t convolutions) {
  const auto is_convolution = [](const TensorInfo* tensor) {
    return tensor != nullptr && tensor->shape.size() == 4;
  };
  if (!is_convolution(first) || !is_convolution(last) || convolutions < 0) return std::nullopt;
  SrvggCompactConfig config;
  config.channels = first->shape[1];
  config.features = first->shape[0];
  config.convolutions = convolutions;
  config.upscale = upscale_of(last->shape[0], config.channels);
  if (config.channels < 1 || config.features < 1 || config.upscale == 0) return std::nullopt;
  return config;
}

// x where it is positive, else x times its channel's slope; in place where that is possible.
template <typename Number>
void activate_pixels(const Tensor& x, const Tensor& slopes) {
  const std::int64_t channels = x.size(1);
  auto* const values = static_cast<Number*>(x.data_ptr());
  const auto* const slope = slopes.data_ptr<float>();
  at::parallel_for(0, x.numel() / channels, 512, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t pixel = begin; pixel < end; ++pixel) {
      Number* const row = values + pixel * channels;
      for (std::int64_t i = 0; i < channels; ++i) {
        const auto value = static_cast<float>(row[i]);
        row[i] = static_cast<Number>(value > 0 ? value : value * slope[i]);
      }
    }
  });
}

Tensor activated(const Tensor& x /* fresh */, const Tensor& slopes /* [channels] fp32 */) {
  if (x.device().is_cpu() && x.is_contiguous(at::MemoryFormat::ChannelsLast)) {
    if (x.scalar_type() == at::kFloat) return activate_pixels<float>(x, slopes), x;
    if (x.scalar_type() == at::kBFloat16) return activate_pixels<at::BFloat16>(x, slopes), x;
  }
  return at::where(x > 0, x, x * slopes.to(x.scalar_type()).view({1, -1, 1, 1}));
}

}  // namespace

std::int64_t SrvggCompactConfig::scale() const {
  return std::llround(static_cast<double>(upscale) * reduction);
}

std::optional<SrvggCompactFile> recognise_srvgg_compact(std::span<const TensorInfo> tensors) {
  // Convolutions at even places, slopes at odd ones, a convolution last.
  std::int64_t places = 0;
  while (const TensorInfo* weight = find(tensors, place(places) + ".weight")) {
    const std::size_t dimensions = weight->shape.size();
    if (places == kPlacesMax || dimensions != (places % 2 == 0 ? 4u : 1u)) return std::nullopt;
    ++places;
  }
  if (places < 3 || places % 2 == 0) return std::nullopt;
  const auto config = config_of(find(tensors, place(0) + ".weight"),
                                find(tensors, place(places - 1) + ".weight"), (places - 3) / 2);
  if (!config) return std::nullopt;
  SrvggCompactFile file{*config, {}};
  for (std::int64_t i = 0; i < places; ++i) {
    file.names.emplace(place(i) + ".weight", place(i) + ".weight");
    if (i % 2 == 0) file.names.emplace(place(i) + ".bias", place(i) + ".bias");
  }
  return file;
}

std::optional<SrvggCompactFile> recognise_srvgg_compact(const NcnnModel& model) {
  NcnnWalk walk(model.layers);
  const auto input = walk.input();
  if (!input) return std::nullopt;
  std::vector<std::string> names;  // convolutions and slopes in turn
  auto x = walk.convolution(*input, std::nullopt, names);
  while (x && walk.next_is("PReLU")) {
    x = walk.prelu(*x, names);
    if (x) x = walk.convolution(*x, std::nullopt, names);
  }
  if (!x || names.size() < 3) return std::nullopt;
  const auto config = config_of(find(model.tensors, names.front() + ".weight"),
                                find(model.tensors, names.back() + ".weight"),
                                static_cast<std::int64_t>(names.size() - 3) / 2);
  if (!config) return std::nullopt;
  SrvggCompactFile file{*config, {}};
  x = walk.shuffled(*x, config->upscale);
  const auto repeated = x ? walk.enlarged(*input, config->upscale) : std::nullopt;
  if (repeated) x = walk.sum(*x, *repeated);
  if (!repeated || !x) return std::nullopt;
  if (!walk.at_end() && !walk.reduced(*x, file.config.reduction)) return std::nullopt;
  const double scale = static_cast<double>(config->upscale) * file.config.reduction;
  if (!walk.at_end() || std::abs(scale - std::round(scale)) > 1e-6 || scale < 1) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string ours = place(static_cast<std::int64_t>(i));
    file.names.emplace(ours + ".weight", names[i] + ".weight");
    if (i % 2 == 0) file.names.emplace(ours + ".bias", names[i] + ".bias");
  }
  return file;
}

struct SrvggCompact::Parts {
  SrvggCompactConfig config;
  std::vector<Conv2d> convs;
  std::vector<Tensor> slopes;  // [features] fp32, one set after each convolution but the last

  Parts(const SrvggCompactConfig& given, const Binder& binder) : config(given) {
    const std::int64_t features = config.features;
    for (std::int64_t i = 0; i <= config.convolutions; ++i) {
      const std::int64_t in = i == 0 ? config.channels : features;
      convs.emplace_back(binder.scope(place(2 * i)), ConvShape{in, features});
      slopes.push_back(
          binder.scope(place(slopes_place(i))).tensor("weight", {features}, at::kFloat));
    }
    convs.emplace_back(binder.scope(place(2 * config.convolutions + 2)),
                       ConvShape{features, config.channels * config.upscale * config.upscale});
  }
};

SrvggCompact::SrvggCompact(const SrvggCompactConfig& config, const Binder& binder)
    : parts_(std::make_unique<Parts>(config, binder)) {}
SrvggCompact::~SrvggCompact() = default;
SrvggCompact::SrvggCompact(SrvggCompact&&) noexcept = default;
SrvggCompact& SrvggCompact::operator=(SrvggCompact&&) noexcept = default;

const SrvggCompactConfig& SrvggCompact::config() const { return parts_->config; }

Tensor SrvggCompact::forward(const Tensor& picture) const {
  const c10::InferenceMode no_graph;
  const Parts& parts = *parts_;
  const std::int64_t upscale = parts.config.upscale;
  const Tensor input = picture.to(parts.convs[0].options().device(), at::kFloat);
  Tensor x = input.to(parts.convs[0].dtype());
  for (std::size_t i = 0; i < parts.slopes.size(); ++i) {
    x = activated(parts.convs[i](x), parts.slopes[i]);  // [batch, features, h, w]
  }
  x = at::pixel_shuffle(parts.convs.back()(x).to(at::kFloat), upscale);
  // In fp32: the input's own values would lose precision in 16 bits.
  x = x + at::upsample_nearest2d(input, {upscale * input.size(2), upscale * input.size(3)});
  const std::int64_t scale = parts.config.scale();
  if (scale == upscale) return x;
  return at::upsample_bicubic2d(x, {scale * input.size(2), scale * input.size(3)}, false);
}

}  // namespace atelier::engine
