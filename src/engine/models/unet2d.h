// The conditional UNet of Stable Diffusion 1.5 and SDXL (and any size of the same architecture).
// Built once per loaded model from bound weights. Called by the pipelines from the job thread:
// prepare() once per job, forward() once per step. Options of the configuration that this
// architecture does not have throw kUnsupported; wrong shapes throw kInvalidArgument.
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

struct UNet2DConfig {
  std::int64_t in_channels = 4;
  std::int64_t out_channels = 4;
  std::vector<std::int64_t> block_out_channels = {320, 640, 1280, 1280};
  std::vector<bool> down_attention = {true, true, true, false};  // CrossAttnDownBlock2D
  std::vector<bool> up_attention = {false, true, true, true};    // CrossAttnUpBlock2D
  std::vector<std::int64_t> layers_per_block = {2, 2, 2, 2};
  std::vector<std::int64_t> transformer_layers = {1, 1, 1, 1};  // per block of the down path
  std::vector<std::int64_t> attention_heads = {8, 8, 8, 8};     // per block of the down path
  std::int64_t cross_attention_dim = 1280;
  bool use_linear_projection = false;
  bool text_time = false;  // SDXL's added conditioning
  std::int64_t addition_time_embed_dim = 256;
  std::int64_t projection_class_embeddings_input_dim = 2816;
  std::int64_t norm_num_groups = 32;
  double norm_eps = 1e-5;
  bool flip_sin_to_cos = true;
  double freq_shift = 0;
  bool center_input_sample = false;

  // Keys and defaults of the reference's config.json.
  static UNet2DConfig from_json(const boost::json::object& json);
};

// SDXL: both for every row of the batch; otherwise undefined.
struct AddedConditioning {
  Tensor pooled;    // [batch, pooled width]
  Tensor time_ids;  // [batch, 6] any dtype
};

// What does not change during a job.
struct Conditioning {
  struct KeyValue {
    Tensor key, value;  // [batch, heads, tokens, head width]
  };
  std::int64_t batch = 0;
  std::vector<KeyValue> cross;  // every cross attention, in the order in which forward() runs them
  Tensor added;                 // [batch, time embedding] of text_time, or undefined
};

struct Hooks {
  std::function<void()> check_cancelled;  // called between blocks; throws to end the forward
};

// What a ControlNet adds. Each tensor has the shape of the one that it is added to.
struct UNetResiduals {
  // One per skip connection in the order of the down path (the first is conv_in's), added after the
  // down path has run; or none. diffusers: down_block_additional_residuals.
  std::vector<Tensor> down;
  Tensor mid;  // to the output of the middle, or undefined; mid_block_additional_residual
};

class UNet2D {
 public:
  UNet2D(const UNet2DConfig& config, const Binder& binder);
  ~UNet2D();
  UNet2D(UNet2D&&) noexcept;
  UNet2D& operator=(UNet2D&&) noexcept;

  const UNet2DConfig& config() const;
  // Binds the layers of these tensors again (nn/module_tree.h); not during a call.
  void rebind(const TensorSource& source, std::span<const std::string> tensors);
  // context [batch, tokens, cross_attention_dim].
  Conditioning prepare(const Tensor& context, const AddedConditioning& added = {}) const;
  // sample [batch, in_channels, h, w], any height and width; timestep may be fractional.
  // -> [batch, out_channels, h, w] in the dtype of the sample.
  // Residuals of another count or shape throw kInvalidArgument.
  Tensor forward(const Tensor& sample, double timestep, const Conditioning& conditioning,
                 const Hooks& hooks = {}, const UNetResiduals& residuals = {}) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace atelier::engine
