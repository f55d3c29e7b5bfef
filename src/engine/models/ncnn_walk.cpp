#include "engine/models/ncnn_walk.h"

#include <cmath>

namespace atelier::engine {
namespace {

// Values of the parameters in ncnn's src/layer: {convolution,relu,eltwise,binaryop,interp}.h
constexpr int kLeakyActivation = 2, kEltwiseSum = 1, kBinaryAdd = 0;
constexpr int kNearest = 1, kCubic = 3;

bool near(double a, double b) { return std::abs(a - b) < 1e-6; }

const std::vector<double>* array(const NcnnLayer& layer, int key) {
  const auto found = layer.parameters.find(key);
  return found == layer.parameters.end() ? nullptr : &found->second;
}

bool is_plain_3x3(const NcnnLayer& layer) {
  const auto is = [&](int key, std::int64_t absent, std::int64_t expected) {
    return layer.integer(key, absent) == expected;
  };
  const std::int64_t pad = layer.integer(4, 0);
  return is(1, 0, 3) && is(11, 3, 3) && is(2, 1, 1) && is(12, 1, 1) && is(3, 1, 1) &&
         is(13, 1, 1) && pad == 1 && is(14, pad, 1) && is(15, pad, 1) && is(16, pad, 1) &&
         is(18, 0, 0) && is(5, 0, 1) && is(19, 0, 0);
}

}  // namespace

const NcnnLayer* NcnnWalk::take(std::string_view type, const std::vector<std::string>& inputs) {
  if (!next_is(type)) return nullptr;
  const NcnnLayer& layer = layers_[at_];
  if (layer.inputs != inputs || layer.outputs.size() != 1) return nullptr;
  ++at_;
  return &layer;
}

NcnnWalk::Blob NcnnWalk::input() {
  const NcnnLayer* const layer = take("Input", {});
  return layer == nullptr ? Blob() : layer->outputs[0];
}

NcnnWalk::Blob NcnnWalk::convolution(const std::string& input, std::optional<double> slope,
                                     std::vector<std::string>& names) {
  const std::size_t start = at_;
  const NcnnLayer* const layer = take("Convolution", {input});
  if (layer == nullptr) return {};
  const std::int64_t activation = layer->integer(9, 0);
  const std::vector<double>* const slopes = array(*layer, 10);
  bool fits = is_plain_3x3(*layer);
  const NcnnLayer* last = layer;
  if (activation == 0 && slope) {
    last = take("ReLU", {layer->outputs[0]});
    fits = fits && last != nullptr && near(last->number(0, 0), *slope);
  } else if (activation != 0) {
    fits = fits && slope && activation == kLeakyActivation && slopes != nullptr &&
           slopes->size() == 1 && near(slopes->front(), *slope);
  }
  if (!fits) {
    at_ = start;
    return {};
  }
  names.push_back(layer->name);
  return last->outputs[0];
}

NcnnWalk::Blob NcnnWalk::prelu(const std::string& input, std::vector<std::string>& names) {
  const NcnnLayer* const layer = take("PReLU", {input});
  if (layer == nullptr) return {};
  names.push_back(layer->name);
  return layer->outputs[0];
}

NcnnWalk::Blob NcnnWalk::concat(const std::vector<std::string>& inputs) {
  const std::size_t start = at_;
  const NcnnLayer* const layer = take("Concat", inputs);
  if (layer != nullptr && layer->integer(0, 0) == 0) return layer->outputs[0];
  at_ = start;
  return {};
}

NcnnWalk::Blob NcnnWalk::weighted_sum(const std::string& a, double factor, const std::string& b) {
  const std::size_t start = at_;
  const NcnnLayer* const layer = take("Eltwise", {a, b});
  if (layer != nullptr) {
    const std::vector<double>* const factors = array(*layer, 1);
    if (layer->integer(0, 0) == kEltwiseSum && factors != nullptr && factors->size() == 2 &&
        near((*factors)[0], factor) && near((*factors)[1], 1)) {
      return layer->outputs[0];
    }
  }
  at_ = start;
  return {};
}

NcnnWalk::Blob NcnnWalk::sum(const std::string& a, const std::string& b) {
  const std::size_t start = at_;
  const NcnnLayer* layer = take("BinaryOp", {a, b});
  if (layer == nullptr) layer = take("BinaryOp", {b, a});
  if (layer != nullptr && layer->integer(0, 0) == kBinaryAdd && layer->integer(1, 0) == 0) {
    return layer->outputs[0];
  }
  at_ = start;
  return {};
}

NcnnWalk::Blob NcnnWalk::enlarged(const std::string& input, std::int64_t factor) {
  const std::size_t start = at_;
  const NcnnLayer* const layer = take("Interp", {input});
  const auto size = static_cast<double>(factor);
  if (layer != nullptr && layer->integer(0, 0) == kNearest && near(layer->number(1, 1), size) &&
      near(layer->number(2, 1), size)) {
    return layer->outputs[0];
  }
  at_ = start;
  return {};
}

NcnnWalk::Blob NcnnWalk::shuffled(const std::string& input, std::int64_t factor) {
  const std::size_t start = at_;
  const NcnnLayer* const layer = take("PixelShuffle", {input});
  if (layer != nullptr && layer->integer(0, 1) == factor && layer->integer(1, 0) == 0) {
    return layer->outputs[0];
  }
  at_ = start;
  return {};
}

NcnnWalk::Blob NcnnWalk::reduced(const std::string& input, double& factor) {
  const std::size_t start = at_;
  const NcnnLayer* const layer = take("Interp", {input});
  if (layer != nullptr && layer->integer(0, 0) == kCubic) {
    factor = layer->number(1, 1);
    if (factor > 0 && factor < 1 && near(factor, layer->number(2, 1))) return layer->outputs[0];
  }
  at_ = start;
  return {};
}

}  // namespace atelier::engine
