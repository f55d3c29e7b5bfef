#include "engine/nn/bf16_direct.h"

#include <algorithm>

#include "engine/nn/amx_kernels.h"
#include "engine/nn/bf16_gemm.h"
#include "platform/check.h"

namespace atelier::engine {
namespace {

constexpr std::int64_t kPositions = 9;  // of the kernel
constexpr std::int64_t kBlocksPerTask = 16;

// Pixels are numbered through all rows of all pictures, borders included: position i is
// `pixels + i * stride`. The blocks of a convolution take 32 positions each, from the first inner
// pixel on; what they compute of the border is not written.
struct Positions {
  std::int64_t batch, height, width;  // without the border

  explicit Positions(const PictureFrame& frame)
      : batch(frame.batch()), height(frame.height()), width(frame.width()) {}
  std::int64_t row() const { return width + 2; }
  std::int64_t picture() const { return (height + 2) * row(); }
  std::int64_t first() const { return row() + 1; }
  std::int64_t end() const { return batch * picture() - row() - 1; }
  std::int64_t blocks() const { return (end() - first() + kDirectPixels - 1) / kDirectPixels; }

  // Which of the 32 positions from `position` on are inner pixels.
  std::uint32_t inside(std::int64_t position) const {
    std::uint32_t found = 0;
    const std::int64_t count = std::min(kDirectPixels, end() - position);
    std::int64_t x = position % row(), y = position / row() % (height + 2);
    for (std::int64_t i = 0; i < count;) {
      const std::int64_t run = std::min(row() - x, count - i);  // in this row
      const std::int64_t begin = std::max<std::int64_t>(x, 1), stop = std::min(x + run, width + 1);
      if (y >= 1 && y <= height && begin < stop) {
        const std::uint64_t ones = (std::uint64_t{1} << (stop - begin)) - 1;
        found |= static_cast<std::uint32_t>(ones << (i + begin - x));
      }
      i += run;
      x = 0;
      y = y + 1 == height + 2 ? 0 : y + 1;
    }
    return found;
  }
};

struct Pixels {
  const PictureFrame* frame;

  Bf16* at(std::int64_t position, std::int64_t channel) const {
    return frame->data() + position * frame->channels() + channel;
  }
};

// The first 32 * groups channels of a frame.
DirectInput input_of(const PictureFrame& frame, std::int64_t groups, const Positions& positions,
                     std::int64_t position) {
  DirectInput input;
  input.pixels = Pixels{&frame}.at(position, 0);
  input.pixel_stride = frame.channels();
  input.row_stride = positions.row() * frame.channels();
  input.groups = groups;
  // Two blocks ahead, of the lowest row, which no block has read before.
  const std::int64_t next = position + 2 * kDirectPixels + positions.row();
  if (next < positions.end()) input.next = Pixels{&frame}.at(next, 0);
  return input;
}

void convolve_block(const DirectCall& call, const PackedDirect& weight, const float* bias,
                    const Positions& positions, std::int64_t block) {
  const std::int64_t position = positions.first() + block * kDirectPixels;
  const std::int64_t groups = std::min(call.input->channels() / kChannelGroup, weight.groups());
  DirectBlock work;
  work.inputs[0] = input_of(*call.input, groups, positions, position);
  if (groups < weight.groups()) {
    work.inputs[1] = input_of(*call.more, weight.groups() - groups, positions, position);
  }
  DirectOutput output;
  output.slope = call.slope;
  output.scale = call.scale;
  output.outer_scale = call.outer_scale;
  output.pixels = positions.inside(position);
  output.stride = call.output->channels();
  for (std::int64_t panel = 0; panel < weight.panels(); ++panel) {
    const std::int64_t column = panel * kPanelColumns;
    work.panel = weight.data.get() + panel * weight.in * kPositions * kPanelColumns;
    output.bias = bias + column;
    output.columns = std::min(kPanelColumns, weight.out - column);
    output.out = Pixels{call.output}.at(position, call.first_channel + column);
    if (call.residual != nullptr) {
      output.residual = Pixels{call.residual}.at(position, column);
      output.residual_stride = call.residual->channels();
    }
    if (call.outer_residual != nullptr) {
      output.outer_residual = Pixels{call.outer_residual}.at(position, column);
      output.outer_stride = call.outer_residual->channels();
    }
    multiply_direct(work, output);
    for (DirectInput& input : work.inputs) input.next = nullptr;
  }
}

bool same_pictures(const PictureFrame& one, const PictureFrame& other) {
  return one.batch() == other.batch() && one.height() == other.height() &&
         one.width() == other.width();
}

void check_call(const DirectCall& call, const PackedDirect& weight) {
  CHECK(call.input != nullptr && call.output != nullptr && call.output != call.input);
  CHECK(same_pictures(*call.input, *call.output));
  CHECK(call.first_channel + weight.out <= call.output->channels());
  const std::int64_t rest = weight.in - call.input->channels();
  if (rest > 0) {
    CHECK(call.more != nullptr && same_pictures(*call.more, *call.output));
    CHECK(rest <= call.more->channels());
    CHECK(call.more != call.output || rest <= call.first_channel);
  }
  CHECK(call.scale == 1 || call.residual != nullptr);
  CHECK(call.outer_scale == 1 || call.outer_residual != nullptr);
  for (const PictureFrame* residual : {call.residual, call.outer_residual}) {
    CHECK(residual == nullptr ||
          (same_pictures(*residual, *call.output) && residual->channels() >= weight.out));
  }
}

PackedDirect bind(const Binder& binder, std::int64_t in, std::int64_t out) {
  PackedDirect packed;
  packed.in = in;
  packed.out = out;
  // [out][group][position][32]: the order in which a block goes through its panel.
  const Tensor rows = as_weight(binder.stored("weight", {out, in, 3, 3}))
                          .view({out, in / kChannelGroup, kChannelGroup, kPositions})
                          .transpose(2, 3)
                          .reshape({out, -1});
  const PackedMatrix matrix =
      pack_matrix(binder.arena(), {rows}, {binder.tensor("bias", {out}, at::kFloat)});
  packed.data = matrix.data;
  packed.bias = matrix.bias;
  binder.release("weight");
  return packed;
}

}  // namespace

bool takes_direct(const Binder& binder, std::int64_t channels) {
  return binder.packs_weights() && !binder.precise() && amx_supported() &&
         channels % kChannelGroup == 0;
}

PictureFrame::PictureFrame(std::int64_t batch, std::int64_t channels, std::int64_t height,
                           std::int64_t width)
    : batch_(batch), channels_(channels), height_(height), width_(width) {
  CHECK(channels % kChannelGroup == 0);
  // The last block reads up to a block beyond the last pixel.
  const std::int64_t pixels = batch * (height + 2) * (width + 2) + kDirectPixels;
  pixels_ = at::zeros({pixels * channels}, at::kBFloat16);
  data_ = static_cast<Bf16*>(pixels_.data_ptr());
}

Tensor PictureFrame::view(std::int64_t first, std::int64_t count) const {
  CHECK(first + count <= channels_);
  const std::int64_t row = (width_ + 2) * channels_, picture = (height_ + 2) * row;
  return at::as_strided(pixels_, {batch_, count, height_, width_}, {picture, 1, row, channels_},
                        row + channels_ + first);
}

DirectConv::DirectConv(const Binder& binder, std::int64_t in, std::int64_t out)
    : bound_({binder},
             [in, out](const std::vector<Binder>& places) { return bind(places[0], in, out); }) {
  CHECK(takes_direct(binder, in));
}

void DirectConv::operator()(const DirectCall& call) const {
  const PackedDirect& weight = *bound_;
  check_call(call, weight);
  const Positions positions(*call.input);
  const float* bias = weight.bias.data_ptr<float>();
  at::parallel_for(0, positions.blocks(), kBlocksPerTask,
                   [&](std::int64_t begin, std::int64_t end) {
                     begin_direct();
                     for (std::int64_t block = begin; block < end; ++block) {
                       convolve_block(call, weight, bias, positions, block);
                     }
                     end_direct();
                   });
}

}  // namespace atelier::engine
