// RRDBNet, the network of ESRGAN and Real-ESRGAN that enlarges pictures (x4plus, x4plus-anime,
// x2plus and their descendants). Built while a model is loaded, run on the job thread. Binding a
// missing or misshapen tensor throws kCorruptData (nn/module.h). Reference: basicsr
// `RRDBNet` (basicsr/archs/rrdbnet_arch.py) and, for the oldest files, ESRGAN `RRDBNet_arch.py`.
//
// A file is recognised by its names and shapes, in each of the namings in which such networks are
// published (weights as torch archives or safetensors), or by its layers (ncnn).
//
// Pictures, as in Real-ESRGAN's `RealESRGANer` (realesrgan/utils.py): RGB, 8-bit values / 255
// (16-bit ones / 65535), no mean and no deviation; the output is clamped to [0, 1], multiplied by
// 255 and rounded (halves to even). Alpha is enlarged by the same network as a grey RGB picture.
// `RealESRGANer` pads 10 pixels (`pre_pad`) at the right and the bottom by reflection, the command
// line 0, and divides into tiles with `tile_pad` 10 (image/tiles.h). A scale other than the
// network's is made from its output by OpenCV's Lanczos filter over 8 x 8 pixels.
//
// Peak memory of a run with 64 features on 512x512 pixels, scale 4: 0.6 GB in bf16, 1.1 GB in fp32;
// it grows with the number of pixels and does not depend on the number of blocks.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "engine/nn/module.h"
#include "engine/weights/ncnn_model.h"
#include "engine/weights/tensor_info.h"
#include "engine/weights/tensor_names.h"

namespace atelier::engine {

struct RrdbNetConfig {
  std::int64_t in_channels = 3, out_channels = 3;  // of pictures
  std::int64_t features = 64, growth = 32, blocks = 23;
  std::int64_t upsamplings = 2;  // each doubles the sides
  // Blocks of so many by so many pixels become channels before the first convolution (x2plus: 2).
  std::int64_t unshuffle = 1;

  // Sides of the output over sides of the input.
  std::int64_t scale() const { return (std::int64_t{1} << upsamplings) / unshuffle; }
  // How many pixels away a pixel of the input can still change one of the output: the convolutions
  // at the size of the input, and 2 pixels for those at larger sizes.
  std::int64_t reach() const { return (15 * blocks + 4) * unshuffle; }
};

struct RrdbNetFile {
  RrdbNetConfig config;
  TensorNames names;  // the names that RrdbNet binds -> those of the file
};

// Nullopt where the tensors, or the layers, are not those of such a network.
std::optional<RrdbNetFile> recognise_rrdbnet(std::span<const TensorInfo> tensors);
std::optional<RrdbNetFile> recognise_rrdbnet(const NcnnModel& model);

class RrdbNet {
 public:
  using CheckCancelled = std::function<void()>;

  // Binds basicsr's names: conv_first, body.0.rdb1.conv1 …, conv_body, conv_up1 …, conv_hr,
  // conv_last.
  RrdbNet(const RrdbNetConfig& config, const Binder& binder);
  ~RrdbNet();
  RrdbNet(RrdbNet&&) noexcept;
  RrdbNet& operator=(RrdbNet&&) noexcept;

  const RrdbNetConfig& config() const;
  // picture [batch, in_channels, h, w] in [0, 1], any floating dtype -> [batch, out_channels,
  // scale h, scale w] fp32, not clamped. `check` is called between blocks; what it throws ends the
  // run.
  Tensor forward(const Tensor& picture, const CheckCancelled& check = {}) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace atelier::engine
