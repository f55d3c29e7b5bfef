// open_nsfw. Reference: Yahoo's open_nsfw (BSD-2-Clause) as an ONNX graph. Pictures stay
// channels_last.
#include "engine/models/open_nsfw.h"

#include <algorithm>
#include <map>
#include <string>

#include "engine/nn/conv.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

using Integers = std::vector<std::int64_t>;

constexpr std::size_t kBlocksMax = 200;
constexpr std::int64_t kPoolMax = 64, kImageSizeMax = 4096;
// Sides of the picture over sides of the first block's input.
constexpr std::int64_t kStemStride = 4;

std::string block_name(std::size_t i) { return "blocks." + std::to_string(i) + "."; }

// ---- recognition ----

struct Convolution {
  std::string input, weight, bias;
  Integers shape;  // [out, in, k, k]
  std::int64_t stride = 0;
};

struct FoundBlock {
  std::string input;  // the value that it begins with
  std::optional<Convolution> projection;
  Convolution reduce, conv, expand;
};

// Finds the nodes that make given values. Each function gives nullopt where the value is made by
// something else.
class Graph {
 public:
  explicit Graph(const OnnxModel& model) : model_(model) {
    for (const OnnxNode& node : model.nodes) {
      for (const std::string& output : node.outputs) makers_.emplace(output, &node);
    }
    for (const TensorInfo& tensor : model.tensors) tensors_.emplace(tensor.name, &tensor);
  }

  // The node that makes `value`, if it has this type and at least so many inputs.
  const OnnxNode* maker(const std::string& value, std::string_view type, std::size_t inputs) const {
    const auto found = makers_.find(value);
    const bool fits = found != makers_.end() && found->second->type == type &&
                      found->second->inputs.size() >= inputs;
    return fits ? found->second : nullptr;
  }
  const TensorInfo* tensor(const std::string& name) const {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? nullptr : found->second;
  }

  // A convolution with bias of k x k pixels, padded by k / 2.
  std::optional<Convolution> convolution(const std::string& value, std::int64_t kernel) const;
  // The value before a ReLU.
  std::optional<std::string> relu_of(const std::string& value) const;
  // What adds two branches to `value`.
  std::optional<FoundBlock> block(const std::string& value) const;

 private:
  std::optional<FoundBlock> branches(const std::string& main, const std::string& side) const;

  const OnnxModel& model_;
  std::map<std::string, const OnnxNode*, std::less<>> makers_;
  std::map<std::string, const TensorInfo*, std::less<>> tensors_;
};

std::optional<Convolution> Graph::convolution(const std::string& value, std::int64_t kernel) const {
  const OnnxNode* const node = maker(value, "Conv", 3);
  if (node == nullptr) return std::nullopt;
  const TensorInfo* const weight = tensor(node->inputs[1]);
  const TensorInfo* const bias = tensor(node->inputs[2]);
  if (weight == nullptr || weight->shape.size() != 4 || bias == nullptr) return std::nullopt;
  const Integers strides = node->integers("strides", {1, 1});
  const std::string auto_pad = node->text("auto_pad", "NOTSET");
  const bool fits = weight->shape[2] == kernel && weight->shape[3] == kernel &&
                    node->integers("kernel_shape", {kernel, kernel}) == Integers{kernel, kernel} &&
                    node->integers("dilations", {1, 1}) == Integers{1, 1} &&
                    node->integers("pads", Integers(4)) == Integers(4, kernel / 2) &&
                    node->integer("group", 1) == 1 && (auto_pad == "NOTSET" || kernel == 1) &&
                    strides.size() == 2 && strides[0] == strides[1] &&
                    (strides[0] == 1 || strides[0] == 2);
  if (!fits) return std::nullopt;
  return Convolution{node->inputs[0], node->inputs[1], node->inputs[2], weight->shape, strides[0]};
}

std::optional<std::string> Graph::relu_of(const std::string& value) const {
  const OnnxNode* const node = maker(value, "Relu", 1);
  return node == nullptr ? std::nullopt : std::optional(node->inputs[0]);
}

// `main`: three convolutions; `side`: the input, or one convolution of it.
std::optional<FoundBlock> Graph::branches(const std::string& main, const std::string& side) const {
  const auto expand = convolution(main, 1);
  const auto before_expand = expand ? relu_of(expand->input) : std::nullopt;
  const auto conv = before_expand ? convolution(*before_expand, 3) : std::nullopt;
  const auto before_conv = conv ? relu_of(conv->input) : std::nullopt;
  const auto reduce = before_conv ? convolution(*before_conv, 1) : std::nullopt;
  if (!reduce || expand->stride != 1 || conv->stride != 1) return std::nullopt;
  FoundBlock block{reduce->input, std::nullopt, *reduce, *conv, *expand};
  if (side == block.input) {
    return reduce->stride == 1 ? std::optional(block) : std::nullopt;
  }
  block.projection = convolution(side, 1);
  const bool fits = block.projection && block.projection->input == block.input &&
                    block.projection->stride == reduce->stride;
  return fits ? std::optional(block) : std::nullopt;
}

std::optional<FoundBlock> Graph::block(const std::string& value) const {
  const OnnxNode* const sum = maker(value, "Add", 2);
  if (sum == nullptr) return std::nullopt;
  const auto found = branches(sum->inputs[0], sum->inputs[1]);
  return found ? found : branches(sum->inputs[1], sum->inputs[0]);
}

struct Head {
  std::string input;  // the last block's output
  std::string weight, bias;
  std::int64_t pool = 0, classes = 0;
};

// softmax(mean of the pixels * weight + bias)
std::optional<Head> find_head(const Graph& graph, const std::string& output) {
  const OnnxNode* const softmax = graph.maker(output, "Softmax", 1);
  const OnnxNode* const sum = softmax ? graph.maker(softmax->inputs[0], "Add", 2) : nullptr;
  const OnnxNode* const product = sum ? graph.maker(sum->inputs[0], "MatMul", 2) : nullptr;
  if (product == nullptr) return std::nullopt;
  const std::int64_t axis = softmax->integer("axis", -1);
  const TensorInfo* const weight = graph.tensor(product->inputs[1]);
  if (weight == nullptr || weight->shape.size() != 2 || (axis != 1 && axis != -1)) {
    return std::nullopt;
  }
  std::string value = product->inputs[0];
  // Reshapes that leave [batch, channels].
  for (int i = 0; i < 4; ++i) {
    const OnnxNode* const reshape = graph.maker(value, "Reshape", 2);
    const OnnxNode* const other = reshape != nullptr ? reshape : graph.maker(value, "Squeeze", 1);
    if (other == nullptr) break;
    value = other->inputs[0];
  }
  const OnnxNode* const pool = graph.maker(value, "AveragePool", 1);
  if (pool == nullptr) return std::nullopt;
  const Integers kernel = pool->integers("kernel_shape", {});
  const bool fits = kernel.size() == 2 && kernel[0] == kernel[1] && kernel[0] >= 1 &&
                    kernel[0] <= kPoolMax && pool->integers("pads", Integers(4)) == Integers(4) &&
                    weight->shape[1] > 0 && graph.tensor(sum->inputs[1]) != nullptr;
  if (!fits) return std::nullopt;
  return Head{pool->inputs[0], weight->name, sum->inputs[1], kernel[0], weight->shape[1]};
}

// Convolution, ReLU and maximum in front of the first block; `value` is its input.
std::optional<Convolution> find_stem(const Graph& graph, const std::string& value,
                                     const std::string& picture) {
  const OnnxNode* const pool = graph.maker(value, "MaxPool", 1);
  if (pool == nullptr) return std::nullopt;
  // The end is padded for even sides only, which libtorch's ceil_mode does for all.
  const bool halves = pool->integers("kernel_shape", {}) == Integers{3, 3} &&
                      pool->integers("strides", {1, 1}) == Integers{2, 2} &&
                      pool->integers("pads", Integers(4)) == Integers{0, 0, 1, 1};
  const auto before = halves ? graph.relu_of(pool->inputs[0]) : std::nullopt;
  const auto stem = before ? graph.convolution(*before, 7) : std::nullopt;
  if (!stem || stem->stride != 2 || stem->shape[1] != 3) return std::nullopt;
  const OnnxNode* const turned = graph.maker(stem->input, "Transpose", 1);
  const bool from_picture =
      stem->input == picture || (turned != nullptr && turned->inputs[0] == picture &&
                                 turned->integers("perm", {}) == Integers{0, 3, 1, 2});
  return from_picture ? stem : std::nullopt;
}

void add_names(TensorNames& names, const std::string& ours, const Convolution& theirs) {
  names.emplace(ours + ".weight", theirs.weight);
  names.emplace(ours + ".bias", theirs.bias);
}

std::optional<OpenNsfwFile> file_of(const Head& head, const Convolution& stem,
                                    const std::vector<FoundBlock>& blocks) {
  OpenNsfwFile file;
  file.config.stem = stem.shape[0];
  file.config.classes = head.classes;
  std::int64_t strides = kStemStride;
  add_names(file.names, "stem", stem);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const FoundBlock& block = blocks[i];
    file.config.blocks.push_back({block.reduce.shape[1], block.reduce.shape[0],
                                  block.expand.shape[0], block.reduce.stride,
                                  block.projection.has_value()});
    strides *= block.reduce.stride;
    if (strides > kImageSizeMax) return std::nullopt;
    if (block.projection) add_names(file.names, block_name(i) + "projection", *block.projection);
    add_names(file.names, block_name(i) + "reduce", block.reduce);
    add_names(file.names, block_name(i) + "conv", block.conv);
    add_names(file.names, block_name(i) + "expand", block.expand);
  }
  file.names.emplace("classifier.weight", head.weight);
  file.names.emplace("classifier.bias", head.bias);
  file.config.image_size = head.pool * strides;
  return file;
}

// ---- network ----

struct Block {
  Conv2d projection, reduce, conv, expand;

  Block(const OpenNsfwConfig::Block& config, const Binder& binder)
      : reduce(binder.scope("reduce"), {config.in, config.inner, 1, config.stride, 0}),
        conv(binder.scope("conv"), {config.inner, config.inner}),
        expand(binder.scope("expand"), {config.inner, config.out, 1, 1, 0}) {
    if (config.projects) {
      projection = Conv2d(binder.scope("projection"), {config.in, config.out, 1, config.stride, 0});
    }
  }

  Tensor forward(const Tensor& x /* [batch, in, h, w] */) const {
    const Tensor residual = projection.defined() ? projection(x) : x;
    const Tensor inner = conv(reduce(x).relu_()).relu_();
    return expand(inner, {{}, residual}).relu_();  // [batch, out, h / stride, w / stride]
  }
};

}  // namespace

std::optional<OpenNsfwFile> recognise_open_nsfw(const OnnxModel& model) {
  if (model.inputs.size() != 1 || model.outputs.size() != 1) return std::nullopt;
  const Graph graph(model);
  const auto head = find_head(graph, model.outputs[0]);
  if (!head) return std::nullopt;
  std::vector<FoundBlock> blocks;  // the last one first
  std::string value = head->input;
  for (auto sum = graph.relu_of(value); sum && blocks.size() < kBlocksMax;
       sum = graph.relu_of(value)) {
    const auto block = graph.block(*sum);
    if (!block) return std::nullopt;
    value = block->input;
    blocks.push_back(*block);
  }
  std::reverse(blocks.begin(), blocks.end());
  const auto stem = find_stem(graph, value, model.inputs[0].name);
  if (!stem || blocks.empty()) return std::nullopt;
  const auto file = file_of(*head, *stem, blocks);
  if (!file) return std::nullopt;
  // The mean covers the whole picture only at this size.
  const Integers& shape = model.inputs[0].shape;
  const std::int64_t side = file->config.image_size;
  const bool fits = shape.size() == 4 && std::count(shape.begin() + 1, shape.end(), side) == 2;
  return fits && side <= kImageSizeMax ? file : std::nullopt;
}

struct OpenNsfw::Parts {
  OpenNsfwConfig config;
  Conv2d stem;
  std::vector<Block> blocks;
  Tensor weight, bias;  // [in, classes], [classes] fp32

  Parts(const OpenNsfwConfig& given, const Binder& binder)
      : config(given), stem(binder.scope("stem"), {3, config.stem, 7, 2, 3}) {
    for (std::size_t i = 0; i < config.blocks.size(); ++i) {
      blocks.emplace_back(config.blocks[i],
                          binder.scope("blocks").scope(static_cast<std::int64_t>(i)));
    }
    const Binder classifier = binder.scope("classifier");
    weight = classifier.tensor("weight", {config.blocks.back().out, config.classes}, at::kFloat);
    bias = classifier.tensor("bias", {config.classes}, at::kFloat);
  }
};

OpenNsfw::OpenNsfw(const OpenNsfwConfig& config, const Binder& binder)
    : parts_(std::make_unique<Parts>(config, binder)) {}
OpenNsfw::~OpenNsfw() = default;
OpenNsfw::OpenNsfw(OpenNsfw&&) noexcept = default;
OpenNsfw& OpenNsfw::operator=(OpenNsfw&&) noexcept = default;

const OpenNsfwConfig& OpenNsfw::config() const { return parts_->config; }

Tensor OpenNsfw::forward(const Tensor& pictures, const std::function<void()>& check) const {
  const c10::InferenceMode no_graph;
  const Parts& parts = *parts_;
  const std::int64_t side = parts.config.image_size;
  if (pictures.dim() != 4 || pictures.size(1) != 3 || pictures.size(2) != side ||
      pictures.size(3) != side) {
    const std::string text = std::to_string(side);
    throw Error(ErrorCode::kInvalidArgument, "this classifier takes pictures of " + text + "x" +
                                                 text + " pixels: resize and crop them first");
  }
  Tensor x = parts.stem(pictures.to(parts.stem.options())).relu_();
  x = at::max_pool2d(x, {3, 3}, {2, 2}, {0, 0}, {1, 1}, /*ceil_mode=*/true);
  for (const Block& block : parts.blocks) {
    if (check) check();
    x = block.forward(x);
  }
  x = x.to(at::kFloat).mean({2, 3});  // [batch, channels]
  return at::softmax(at::addmm(parts.bias, x, parts.weight), 1);
}

}  // namespace atelier::engine
