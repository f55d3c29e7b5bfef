// RRDBNet. Reference: basicsr `RRDBNet` (Apache-2.0); weights by Xintao Wang and others (BSD-3-
// Clause for Real-ESRGAN, Apache-2.0 for ESRGAN). Names are the checkpoint's keys. Pictures stay
// channels_last.
#include "engine/models/rrdbnet.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "engine/models/ncnn_walk.h"
#include "engine/nn/bf16_direct.h"
#include "engine/nn/conv.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

constexpr double kSlope = 0.2;          // of all leaky ReLUs
constexpr double kResidualScale = 0.2;  // of what a block adds to its input
// The part after the blocks needs most of the memory, but its receptive field is only 2 pixels of
// its input to each side. It runs on strips of this many pixels. Strips begin at multiples of 4, so
// that the tiles of the Winograd kernels, and with them the rounding, are the same as without
// strips.
constexpr std::int64_t kStripPixels = 1 << 14, kStripRowsMin = 16, kStripHalo = 4;
constexpr int kDenseBlocks = 3, kDenseConvolutions = 5;

// ---- names ----

enum class Naming {
  kCurrent,  // basicsr, Real-ESRGAN
  kTrunk,    // ESRGAN's second code, BSRGAN, RealSR
  kModel,    // ESRGAN's first code: places in nested nn.Sequential
};
constexpr std::array kNamings = {Naming::kCurrent, Naming::kTrunk, Naming::kModel};

std::string dense_name(Naming naming, std::int64_t block, int dense, int conv) {
  const std::string i = std::to_string(block), j = std::to_string(dense), k = std::to_string(conv);
  switch (naming) {
    case Naming::kCurrent:
      return "body." + i + ".rdb" + j + ".conv" + k;
    case Naming::kTrunk:
      return "RRDB_trunk." + i + ".RDB" + j + ".conv" + k;
    case Naming::kModel:
      break;
  }
  return "model.1.sub." + i + ".RDB" + j + ".conv" + k + ".0";
}

// Of the convolution after the i-th doubling, i from 1. In the oldest naming a doubling takes three
// places of the outer sequence: the doubling itself, the convolution, the activation.
std::string up_name(Naming naming, std::int64_t i) {
  switch (naming) {
    case Naming::kCurrent:
      return "conv_up" + std::to_string(i);
    case Naming::kTrunk:
      return "upconv" + std::to_string(i);
    case Naming::kModel:
      break;
  }
  return "model." + std::to_string(3 * i);
}

struct OuterNames {
  std::string first, body, hr, last;
};

OuterNames outer_names(Naming naming, std::int64_t blocks, std::int64_t upsamplings) {
  switch (naming) {
    case Naming::kCurrent:
      return {"conv_first", "conv_body", "conv_hr", "conv_last"};
    case Naming::kTrunk:
      return {"conv_first", "trunk_conv", "HRconv", "conv_last"};
    case Naming::kModel:
      break;
  }
  return {"model.0", "model.1.sub." + std::to_string(blocks),
          "model." + std::to_string(3 * upsamplings + 2),
          "model." + std::to_string(3 * upsamplings + 4)};
}

// All convolutions in the order in which they run.
std::vector<std::string> convolution_names(Naming naming, std::int64_t blocks,
                                           std::int64_t upsamplings) {
  const OuterNames outer = outer_names(naming, blocks, upsamplings);
  std::vector<std::string> names = {outer.first};
  for (std::int64_t block = 0; block < blocks; ++block) {
    for (int dense = 1; dense <= kDenseBlocks; ++dense) {
      for (int conv = 1; conv <= kDenseConvolutions; ++conv) {
        names.push_back(dense_name(naming, block, dense, conv));
      }
    }
  }
  names.push_back(outer.body);
  for (std::int64_t i = 1; i <= upsamplings; ++i) names.push_back(up_name(naming, i));
  names.push_back(outer.hr);
  names.push_back(outer.last);
  return names;
}

// ---- recognition ----

using Shapes = std::map<std::string, std::vector<std::int64_t>, std::less<>>;

Shapes shapes_of(std::span<const TensorInfo> tensors) {
  Shapes shapes;
  for (const TensorInfo& tensor : tensors) shapes.emplace(tensor.name, tensor.shape);
  return shapes;
}

// `theirs`: the file's convolutions in the order in which they run. Nullopt where the sizes are not
// those of such a network.
std::optional<RrdbNetFile> file_of(const Shapes& shapes, const std::vector<std::string>& theirs,
                                   std::int64_t blocks, std::int64_t upsamplings) {
  const auto weight = [&](const std::string& name) -> std::vector<std::int64_t> {
    const auto found = shapes.find(name + ".weight");
    const bool convolution = found != shapes.end() && found->second.size() == 4;
    return convolution ? found->second : std::vector<std::int64_t>(4);
  };
  const std::vector<std::int64_t> first = weight(theirs.front()), last = weight(theirs.back());
  RrdbNetFile file;
  RrdbNetConfig& config = file.config;
  config.features = first[0];
  config.growth = weight(theirs[1])[0];
  config.blocks = blocks;
  config.upsamplings = upsamplings;
  config.out_channels = last[0];
  config.in_channels = first[1];
  if (config.features < 1 || config.growth < 1 || config.out_channels < 1) return std::nullopt;
  for (const std::int64_t unshuffle : {2, 4}) {
    if (first[1] == unshuffle * unshuffle * last[0]) {
      config.unshuffle = unshuffle;
      config.in_channels = last[0];
    }
  }
  if (config.scale() < 1) return std::nullopt;
  const std::vector<std::string> ours = convolution_names(Naming::kCurrent, blocks, upsamplings);
  for (std::size_t i = 0; i < ours.size(); ++i) {
    for (const char* const part : {".weight", ".bias"}) {
      file.names.emplace(ours[i] + part, theirs[i] + part);
    }
  }
  return file;
}

// A block of the layers of ncnn: adds its convolutions to `names` and gives its output; nullopt,
// and the walk where it was, where the next layers are not one.
std::optional<std::string> walk_dense_block(NcnnWalk& walk, const std::string& input,
                                            std::vector<std::string>& names) {
  std::vector<std::string> blobs = {input};
  for (int i = 1; i <= kDenseConvolutions; ++i) {
    const auto dense = i == 1 ? std::optional(input) : walk.concat(blobs);
    if (!dense) return std::nullopt;
    const bool last = i == kDenseConvolutions;
    const auto grown = walk.convolution(*dense, last ? std::nullopt : std::optional(kSlope), names);
    if (!grown) return std::nullopt;
    blobs.push_back(*grown);
  }
  return walk.weighted_sum(blobs.back(), kResidualScale, input);
}

std::optional<std::string> walk_block(NcnnWalk& walk, const std::string& input,
                                      std::vector<std::string>& names) {
  const std::size_t start = walk.position();
  const std::size_t count = names.size();
  std::optional<std::string> output = input;
  for (int i = 0; i < kDenseBlocks && output; ++i) output = walk_dense_block(walk, *output, names);
  if (output) output = walk.weighted_sum(*output, kResidualScale, input);
  if (!output) {
    walk.return_to(start);
    names.resize(count);
  }
  return output;
}

// ---- network ----

// In place.
Tensor leaky(Tensor fresh) { return at::leaky_relu_(fresh, kSlope); }

// x plus the scaled result of a block, in place of the latter. In one pass: bf16 products with a
// number take libtorch 1.13 nine times as long as this sum.
Tensor added(const Tensor& x, Tensor fresh) { return at::add_out(fresh, x, fresh, kResidualScale); }

std::string rdb_name(int i) { return "rdb" + std::to_string(i); }
std::string conv_name(int i) { return "conv" + std::to_string(i); }

// Channels of the i-th convolution of a dense block, i from 1.
std::int64_t inputs_of(const RrdbNetConfig& config, int i) {
  return config.features + (i - 1) * config.growth;
}
std::int64_t outputs_of(const RrdbNetConfig& config, int i) {
  return i == kDenseConvolutions ? config.features : config.growth;
}

struct DenseBlock {
  std::vector<Conv2d> convs;

  DenseBlock(const RrdbNetConfig& config, const Binder& binder) {
    for (int i = 1; i <= kDenseConvolutions; ++i) {
      convs.emplace_back(binder.scope(conv_name(i)),
                         ConvShape{inputs_of(config, i), outputs_of(config, i)});
    }
  }

  Tensor forward(const Tensor& x /* [batch, features, h, w] */) const {
    Tensor dense = x;
    for (std::size_t i = 0; i + 1 < convs.size(); ++i) {
      dense = at::cat({dense, leaky(convs[i](dense))}, 1);
    }
    return added(x, convs.back()(dense));
  }
};

struct Block {
  std::vector<DenseBlock> dense;

  Block(const RrdbNetConfig& config, const Binder& binder) {
    for (int i = 1; i <= kDenseBlocks; ++i) dense.emplace_back(config, binder.scope(rdb_name(i)));
  }

  Tensor forward(const Tensor& x, const RrdbNet::CheckCancelled& check) const {
    Tensor y = x;
    for (const DenseBlock& block : dense) {
      if (check) check();
      y = block.forward(y);
    }
    return added(x, y);
  }
};

// The same in frames of bf16 pixels: nothing is concatenated, and what is added is added where the
// sums of a convolution are written.
struct FramedDenseBlock {
  std::vector<DirectConv> convs;

  FramedDenseBlock(const RrdbNetConfig& config, const Binder& binder) {
    for (int i = 1; i <= kDenseConvolutions; ++i) {
      convs.emplace_back(binder.scope(conv_name(i)), inputs_of(config, i), outputs_of(config, i));
    }
  }

  // `grown` takes what the inner convolutions make. `around`: the input of the block around it, for
  // its last dense block.
  void forward(const RrdbNetConfig& config, const PictureFrame& x, PictureFrame& grown,
               PictureFrame& y, const PictureFrame* around) const {
    DirectCall call{
        .input = &x, .more = &grown, .slope = static_cast<float>(kSlope), .output = &grown};
    for (std::size_t i = 0; i + 1 < convs.size(); ++i) {
      call.first_channel = static_cast<std::int64_t>(i) * config.growth;
      convs[i](call);
    }
    call.slope = 1;
    call.scale = static_cast<float>(kResidualScale);
    call.residual = &x;
    if (around != nullptr) {
      call.outer_scale = static_cast<float>(kResidualScale);
      call.outer_residual = around;
    }
    call.output = &y;
    call.first_channel = 0;
    convs.back()(call);
  }
};

struct FramedBody {
  std::vector<FramedDenseBlock> dense;  // of all blocks

  FramedBody() = default;
  FramedBody(const RrdbNetConfig& config, const Binder& binder) {
    for (std::int64_t i = 0; i < config.blocks; ++i) {
      for (int j = 1; j <= kDenseBlocks; ++j) {
        dense.emplace_back(config, binder.scope(i).scope(rdb_name(j)));
      }
    }
  }

  static bool takes(const RrdbNetConfig& config, const Binder& binder) {
    return takes_direct(binder, config.features) && takes_direct(binder, config.growth);
  }

  Tensor forward(const RrdbNetConfig& config, const Tensor& x,
                 const RrdbNet::CheckCancelled& check) const {
    const auto frame = [&](std::int64_t channels) {
      return PictureFrame(x.size(0), channels, x.size(2), x.size(3));
    };
    PictureFrame grown = frame((kDenseConvolutions - 1) * config.growth);
    std::array<PictureFrame, 3> pictures = {frame(config.features), frame(config.features),
                                            frame(config.features)};
    pictures[0].view(0, config.features).copy_(x);
    // A block's input stays as it is until the block is done: with it in frame 0 its dense blocks
    // go from 0 to 1, from 1 to 2 and from 2 to 1, which the next block begins with.
    std::size_t first = 0;
    for (std::size_t i = 0; i < dense.size(); i += kDenseBlocks) {
      PictureFrame &input = pictures[first], &one = pictures[(first + 1) % 3],
                   &two = pictures[(first + 2) % 3];
      if (check) check();
      dense[i].forward(config, input, grown, one, nullptr);
      if (check) check();
      dense[i + 1].forward(config, one, grown, two, nullptr);
      if (check) check();
      dense[i + 2].forward(config, two, grown, one, &input);
      first = (first + 1) % 3;
    }
    return pictures[first].view(0, config.features).contiguous(at::MemoryFormat::ChannelsLast);
  }
};

}  // namespace

std::optional<RrdbNetFile> recognise_rrdbnet(std::span<const TensorInfo> tensors) {
  const Shapes shapes = shapes_of(tensors);
  const auto has = [&](const std::string& name) { return shapes.contains(name + ".weight"); };
  for (const Naming naming : kNamings) {
    if (!has(outer_names(naming, 0, 0).first) || !has(dense_name(naming, 0, 1, 1))) continue;
    // ESRGAN+ adds a 1x1 convolution to each dense block.
    if (has("model.1.sub.0.RDB1.conv1x1")) return std::nullopt;
    std::int64_t blocks = 0, upsamplings = 0;
    while (has(dense_name(naming, blocks, 1, 1))) ++blocks;
    while (has(up_name(naming, upsamplings + 1))) ++upsamplings;
    if (upsamplings > 4) return std::nullopt;
    return file_of(shapes, convolution_names(naming, blocks, upsamplings), blocks, upsamplings);
  }
  return std::nullopt;
}

std::optional<RrdbNetFile> recognise_rrdbnet(const NcnnModel& model) {
  NcnnWalk walk(model.layers);
  std::vector<std::string> names;
  const auto input = walk.input();
  if (!input) return std::nullopt;
  const auto first = walk.convolution(*input, std::nullopt, names);
  std::optional<std::string> x = first;
  std::int64_t blocks = 0, upsamplings = 0;
  for (; x; ++blocks) {
    const auto next = walk_block(walk, *x, names);
    if (!next) break;
    x = next;
  }
  if (!x || blocks == 0) return std::nullopt;
  x = walk.convolution(*x, std::nullopt, names);
  if (x) x = walk.sum(*first, *x);
  while (x && walk.next_is("Interp")) {
    x = walk.enlarged(*x, 2);
    if (x) x = walk.convolution(*x, kSlope, names);
    ++upsamplings;
  }
  if (x) x = walk.convolution(*x, kSlope, names);
  if (x) x = walk.convolution(*x, std::nullopt, names);
  if (!x || !walk.at_end() || upsamplings > 4) return std::nullopt;
  return file_of(shapes_of(model.tensors), names, blocks, upsamplings);
}

struct RrdbNet::Parts {
  RrdbNetConfig config;
  Conv2d conv_first, conv_body, conv_hr, conv_last;
  std::vector<Block> body;  // or, where the processor has it:
  FramedBody framed_body;
  std::vector<Conv2d> conv_up;

  Parts(const RrdbNetConfig& given, const Binder& binder) : config(given) {
    const std::int64_t features = config.features;
    const std::int64_t in = config.in_channels * config.unshuffle * config.unshuffle;
    conv_first = Conv2d(binder.scope("conv_first"), {in, features});
    if (FramedBody::takes(config, binder)) {
      framed_body = FramedBody(config, binder.scope("body"));
    } else {
      for (std::int64_t i = 0; i < config.blocks; ++i) {
        body.emplace_back(config, binder.scope("body").scope(i));
      }
    }
    conv_body = Conv2d(binder.scope("conv_body"), {features, features});
    for (std::int64_t i = 1; i <= config.upsamplings; ++i) {
      conv_up.emplace_back(binder.scope("conv_up" + std::to_string(i)),
                           ConvShape{features, features, 3, 1, 1, Upsample::kYes});
    }
    conv_hr = Conv2d(binder.scope("conv_hr"), {features, features});
    conv_last = Conv2d(binder.scope("conv_last"), {features, config.out_channels});
  }

  // What follows the blocks: [batch, features, h, w] -> [batch, out, 2^upsamplings h, …]
  Tensor enlarged(Tensor x) const {
    for (const Conv2d& conv : conv_up) {
      x = leaky(conv.upsampled(x, {2 * x.size(2), 2 * x.size(3)}));
    }
    return conv_last(leaky(conv_hr(x)));
  }

  // The same in fp32, with the memory of one strip.
  Tensor enlarged_in_strips(const Tensor& x, const CheckCancelled& check) const {
    const std::int64_t scale = std::int64_t{1} << config.upsamplings;
    const std::int64_t height = x.size(2), width = x.size(3);
    const Tensor whole = at::empty({x.size(0), config.out_channels, scale * height, scale * width},
                                   x.options().dtype(at::kFloat));
    const std::int64_t rows = std::max(kStripRowsMin, kStripPixels / width / 4 * 4);
    for (std::int64_t top = 0; top < height; top += rows) {
      if (check) check();
      const std::int64_t bottom = std::min(top + rows, height);
      const std::int64_t begin = std::max<std::int64_t>(top - kStripHalo, 0);
      const std::int64_t end = std::min(bottom + kStripHalo, height);
      const Tensor strip = enlarged(x.slice(2, begin, end));
      whole.slice(2, scale * top, scale * bottom)
          .copy_(strip.slice(2, scale * (top - begin), scale * (bottom - begin)));
    }
    return whole;
  }

  // Blocks of pixels as channels; the sides are padded to whole blocks at the right and the bottom,
  // by reflection where there is enough to reflect.
  Tensor unshuffled(const Tensor& picture) const {
    const std::int64_t side = config.unshuffle;
    if (side == 1) return picture;
    const std::int64_t down = (side - picture.size(2) % side) % side;
    const std::int64_t right = (side - picture.size(3) % side) % side;
    const bool reflects = picture.size(2) > down && picture.size(3) > right;
    const std::array<std::int64_t, 4> edges = {0, right, 0, down};
    const Tensor whole =
        reflects ? at::reflection_pad2d(picture, edges) : at::replication_pad2d(picture, edges);
    return at::pixel_unshuffle(whole, side);
  }
};

RrdbNet::RrdbNet(const RrdbNetConfig& config, const Binder& binder)
    : parts_(std::make_unique<Parts>(config, binder)) {}
RrdbNet::~RrdbNet() = default;
RrdbNet::RrdbNet(RrdbNet&&) noexcept = default;
RrdbNet& RrdbNet::operator=(RrdbNet&&) noexcept = default;

const RrdbNetConfig& RrdbNet::config() const { return parts_->config; }

Tensor RrdbNet::forward(const Tensor& picture, const CheckCancelled& check) const {
  const c10::InferenceMode no_graph;
  const Parts& parts = *parts_;
  const Tensor input = parts.unshuffled(picture.to(at::kFloat)).to(parts.conv_first.options());
  const Tensor first = parts.conv_first(input);  // [batch, features, h, w]
  Tensor x = first;
  for (const Block& block : parts.body) x = block.forward(x, check);
  if (!parts.framed_body.dense.empty()) x = parts.framed_body.forward(parts.config, x, check);
  x = parts.conv_body(x, {{}, first});
  x = parts.enlarged_in_strips(x, check);
  const std::int64_t scale = parts.config.scale();
  return x.slice(2, 0, scale * picture.size(2))
      .slice(3, 0, scale * picture.size(3));  // [batch, out, scale h, scale w]
}

}  // namespace atelier::engine
