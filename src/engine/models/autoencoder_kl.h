// The variational autoencoder of Stable Diffusion 1.5 and SDXL (and any size of the same
// architecture). Built once per loaded model from bound weights; called by the pipelines from the
// job thread. Images are in [-1, 1]; latents are as the network has them: the scaling factor is the
// pipeline's business. Wrong shapes throw kInvalidArgument.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

class Binder;
class TensorSource;

struct AutoencoderKlConfig {
  std::int64_t in_channels = 3;
  std::int64_t out_channels = 3;
  std::int64_t latent_channels = 4;
  std::vector<std::int64_t> block_out_channels = {64};
  std::int64_t layers_per_block = 1;
  std::int64_t norm_num_groups = 32;
  std::int64_t sample_size = 32;  // side of a tile in pixels
  double scaling_factor = 0.18215;
  double shift_factor = 0;
  bool force_upcast = true;
  bool force_upcast_given = false;  // SD1.5's file has no such key and its pipeline never looks
  bool mid_block_attention = true;
  bool use_quant_conv = true;
  bool use_post_quant_conv = true;

  // Keys and defaults of the reference's config.json.
  static AutoencoderKlConfig from_json(const boost::json::object& json);
  // Pixels of one latent: 8 for the published models.
  std::int64_t scale() const {
    return std::int64_t{1} << (static_cast<std::int64_t>(block_out_channels.size()) - 1);
  }
};

// A diagonal Gaussian over the latents.
struct LatentMoments {
  Tensor mean;    // [batch, latent_channels, h, w]
  Tensor logvar;  // the same shape, clamped to [-30, 20]; std = exp(logvar / 2)
};

class AutoencoderKl {
 public:
  using CheckCancelled = std::function<void()>;  // called between blocks; throws to end the work

  AutoencoderKl(const AutoencoderKlConfig& config, const Binder& binder);
  ~AutoencoderKl();
  AutoencoderKl(AutoencoderKl&&) noexcept;
  AutoencoderKl& operator=(AutoencoderKl&&) noexcept;

  const AutoencoderKlConfig& config() const;
  // Binds the layers of these tensors again (nn/module_tree.h); not during a call.
  void rebind(const TensorSource& source, std::span<const std::string> tensors);
  // image [batch, 3, height, width] in [-1, 1], sides multiples of scale().
  LatentMoments encode(const Tensor& image, const CheckCancelled& check = {}) const;
  // latents [batch, latent_channels, h, w] -> [batch, 3, h * scale, w * scale].
  Tensor decode(const Tensor& latents, const CheckCancelled& check = {}) const;
  // The same in overlapping tiles of sample_size pixels, blended as the reference does; memory of
  // one tile. Not equal to the untiled result: the norms see one tile at a time.
  LatentMoments tiled_encode(const Tensor& image, const CheckCancelled& check = {}) const;
  Tensor tiled_decode(const Tensor& latents, const CheckCancelled& check = {}) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace atelier::engine
