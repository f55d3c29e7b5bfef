// Walks through the layers of an ncnn model in order, to check that they compute the same as a
// network of this folder. Each function consumes the next layer if it has the expected kind,
// parameters and inputs, and returns the name of its output; otherwise it returns nullopt and
// consumes nothing. Used by the recognise functions. Does not throw.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/weights/ncnn_model.h"

namespace atelier::engine {

class NcnnWalk {
 public:
  using Blob = std::optional<std::string>;

  explicit NcnnWalk(const std::vector<NcnnLayer>& layers) : layers_(without_splits(layers)) {}

  bool at_end() const { return at_ == layers_.size(); }
  bool next_is(std::string_view type) const { return !at_end() && layers_[at_].type == type; }

  std::size_t position() const { return at_; }
  void return_to(std::size_t position) { at_ = position; }

  Blob input();
  // 3x3, stride 1, padding 1, with bias, followed by a leaky ReLU where `slope` is given (in the
  // same layer or the next). Adds the layer's name to `names`.
  Blob convolution(const std::string& input, std::optional<double> slope,
                   std::vector<std::string>& names);
  Blob prelu(const std::string& input, std::vector<std::string>& names);
  Blob concat(const std::vector<std::string>& inputs);  // of channels
  // factor * a + b
  Blob weighted_sum(const std::string& a, double factor, const std::string& b);
  Blob sum(const std::string& a, const std::string& b);  // in either order
  // By repeating pixels.
  Blob enlarged(const std::string& input, std::int64_t factor);
  // Channels to blocks of `factor` by `factor` pixels.
  Blob shuffled(const std::string& input, std::int64_t factor);
  // By cubic interpolation to a smaller size: the last layer of some files. The factor is written
  // to `factor`.
  Blob reduced(const std::string& input, double& factor);

 private:
  // The next layer, if it has this type, these inputs and one output.
  const NcnnLayer* take(std::string_view type, const std::vector<std::string>& inputs);

  std::vector<NcnnLayer> layers_;
  std::size_t at_ = 0;
};

}  // namespace atelier::engine
