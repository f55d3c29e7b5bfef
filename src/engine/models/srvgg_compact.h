// SRVGGNetCompact, the small network of Real-ESRGAN that enlarges pictures (animevideov3,
// general-x4v3 and their descendants): convolutions at the size of the input, and the difference to
// the input enlarged by repeating pixels. Built while a model is loaded, run on the job thread.
// Binding a missing or misshapen tensor throws kCorruptData (nn/module.h). Reference: basicsr
// `SRVGGNetCompact` (basicsr/archs/srvgg_arch.py) with `act_type` "prelu", which all published
// files have.
//
// Preparation of pictures: as in rrdbnet.h.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "engine/nn/module.h"
#include "engine/weights/ncnn_model.h"
#include "engine/weights/tensor_info.h"
#include "engine/weights/tensor_names.h"

namespace atelier::engine {

struct SrvggCompactConfig {
  std::int64_t channels = 3;  // of pictures
  std::int64_t features = 64;
  std::int64_t convolutions = 16;  // between the first and the last one
  std::int64_t upscale = 4;
  // The ncnn files of animevideov3 for 2 and 3 hold the network for 4 and reduce its output by
  // cubic interpolation, to 0.5 or 0.75.
  double reduction = 1;

  // Sides of the output over sides of the input.
  std::int64_t scale() const;
  // How many pixels away a pixel of the input can still change one of the output: one for each
  // convolution, one for the cubic interpolation.
  std::int64_t reach() const { return convolutions + 2 + (reduction < 1 ? 1 : 0); }
};

struct SrvggCompactFile {
  SrvggCompactConfig config;
  TensorNames names;  // the names that SrvggCompact binds -> those of the file
};

// Nullopt where the tensors, or the layers, are not those of such a network.
std::optional<SrvggCompactFile> recognise_srvgg_compact(std::span<const TensorInfo> tensors);
std::optional<SrvggCompactFile> recognise_srvgg_compact(const NcnnModel& model);

class SrvggCompact {
 public:
  // Binds basicsr's names: body.0.weight, body.0.bias, body.1.weight (slopes), body.2.weight …
  SrvggCompact(const SrvggCompactConfig& config, const Binder& binder);
  ~SrvggCompact();
  SrvggCompact(SrvggCompact&&) noexcept;
  SrvggCompact& operator=(SrvggCompact&&) noexcept;

  const SrvggCompactConfig& config() const;
  // picture [batch, channels, h, w] in [0, 1], any floating dtype -> [batch, channels, scale h,
  // scale w] fp32, not clamped.
  Tensor forward(const Tensor& picture) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace atelier::engine
