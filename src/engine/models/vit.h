// The plain vision transformer of timm, which rates pictures: Marqo's NSFW classifier
// (vit_tiny_patch16_384) and taggers of the WD v3 kind (vit_base_patch16 without a class token).
// Built while a model is loaded, run on the job thread. Binding a missing or misshapen tensor
// throws kCorruptData (nn/module.h). Reference: timm `VisionTransformer`
// (timm/models/vision_transformer.py).
//
// Sizes are read from names and shapes; config.json gives the rest (heads, activation, pooling,
// labels, preparation of pictures). Keys that it lacks have timm's defaults.
//
// Pictures, as timm's `create_transform` makes them for inference (timm/data/transforms_factory.py)
// from the values of `pretrained_cfg` that VitConfig holds: RGB; the shorter side is resized to
// floor(image_size / crop_fraction) with the shape kept (Pillow's filter of that name, with
// antialiasing), the longer one rounded down; the middle image_size x image_size is cut out
// (offsets round((side - size) / 2)); values / 255, minus mean, over deviation, for each channel.
// Marqo's file: 384, bicubic, crop 1.0, mean 0.5, deviation 0.5; labels NSFW, SFW in this order.
// Scores are the softmax of the logits where one label applies, the sigmoid for taggers.
#pragma once

#include <array>
#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/nn/module.h"
#include "engine/weights/tensor_info.h"

namespace atelier::engine {

struct VitConfig {
  // Of names and shapes.
  std::int64_t image_size = 224, patch_size = 16;  // sides in pixels
  std::int64_t channels = 3, width = 192, depth = 12, mlp_width = 768, classes = 1000;
  std::int64_t heads = 3;  // 64 channels in each, unless config.json says otherwise
  bool class_token = true;
  bool fc_norm = false;  // the last norm follows the pooling instead of preceding it

  // Of config.json.
  bool pools_class_token = true;    // else the mean of all patches
  bool gelu_tanh = false;           // the approximation by tanh, else the exact function
  std::vector<std::string> labels;  // of the classes, in order; may be empty
  std::string interpolation = "bicubic";
  double crop_fraction = 1.0;
  std::array<double, 3> mean = {0.5, 0.5, 0.5}, deviation = {0.5, 0.5, 0.5};

  // Applies timm's config.json (keys architecture, num_classes, global_pool, model_args,
  // pretrained_cfg, label_names). Throws kCorruptData for values of the wrong kind or that
  // contradict the weights, kUnsupported for options that this network does not have.
  void read_json(const boost::json::object& json);
};

// Nullopt where the tensors are not exactly those of such a network.
std::optional<VitConfig> recognise_vit(std::span<const TensorInfo> tensors);
// Why they are not, for sentences: "'norm.bias' is missing".
std::string describe_vit_mismatch(std::span<const TensorInfo> tensors);

class Vit {
 public:
  // Binds timm's names.
  Vit(const VitConfig& config, const Binder& binder);
  ~Vit();
  Vit(Vit&&) noexcept;
  Vit& operator=(Vit&&) noexcept;

  const VitConfig& config() const;
  // pictures [batch, channels, image_size, image_size], prepared -> logits [batch, classes] fp32.
  // Throws kInvalidArgument for pictures of another size. `check` is called between blocks; what it
  // throws ends the call.
  Tensor forward(const Tensor& pictures, const std::function<void()>& check = {}) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace atelier::engine
