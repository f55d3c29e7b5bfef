// 3x3 convolutions with stride 1 and padding 1 on CPUs with AMX, without the transforms of
// Winograd: for layers with few outputs, where the transforms of nn/bf16_winograd.h take longer
// than its products save (RRDBNet: 32 and 64 outputs). The pictures lie in frames: bf16 pixels with
// a border of zeros, so that tile registers are loaded from the picture itself. Several layers may
// read and write channels of one frame, which makes concatenations free. Called from the job
// thread; uses libtorch's threads inside; the result does not depend on their number. Preconditions
// are CHECKed.
#pragma once

#include <memory>

#include "engine/nn/bf16_direct_kernel.h"
#include "engine/nn/module.h"
#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

// Whether a layer bound with `binder` can be one of them: bf16 on a processor with AMX, whole
// groups of 32 channels.
bool takes_direct(const Binder& binder, std::int64_t channels);

struct PackedDirect {
  std::int64_t in = 0, out = 0;
  Tensor bias;                       // [panels * 32] fp32
  std::shared_ptr<const Bf16> data;  // [panels][in / 32][9][16][32][2]

  std::int64_t groups() const { return in / kChannelGroup; }
  std::int64_t panels() const { return (out + kPanelColumns - 1) / kPanelColumns; }
};

// Pictures [batch, height + 2, width + 2, channels], the outer pixels zero. `channels` is a
// multiple of 32. The inner pixels of a new frame are zero as well.
class PictureFrame {
 public:
  PictureFrame(std::int64_t batch, std::int64_t channels, std::int64_t height, std::int64_t width);

  std::int64_t batch() const { return batch_; }
  std::int64_t channels() const { return channels_; }
  std::int64_t height() const { return height_; }
  std::int64_t width() const { return width_; }
  // [batch, count, height, width], a view.
  Tensor view(std::int64_t first, std::int64_t count) const;
  // With the border, from the first pixel of the first picture on.
  Bf16* data() const { return data_; }

 private:
  std::int64_t batch_, channels_, height_, width_;
  Tensor pixels_;  // one dimension
  Bf16* data_;
};

struct DirectCall {
  // All channels of `input`, then the first ones of `more`, as many as the layer takes.
  const PictureFrame* input = nullptr;
  const PictureFrame* more = nullptr;
  // The sums with the bias, x, become: x, where negative x * slope; x * scale; x + the residual;
  // x * outer_scale + the outer residual. The residuals' channels begin at 0.
  float slope = 1;
  float scale = 1;
  const PictureFrame* residual = nullptr;
  float outer_scale = 1;
  const PictureFrame* outer_residual = nullptr;
  // Written from `first_channel` on; may be `more` where the channels are others.
  PictureFrame* output = nullptr;
  std::int64_t first_channel = 0;
};

class DirectConv {
 public:
  // Binds `weight` [out, in, 3, 3] and `bias` [out].
  DirectConv(const Binder& binder, std::int64_t in, std::int64_t out);
  void operator()(const DirectCall& call) const;

 private:
  Bound<PackedDirect> bound_;
};

}  // namespace atelier::engine
