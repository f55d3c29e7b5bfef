// Capability: rates how well each label of a fixed list fits a picture. One job at a time, from the
// job thread.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/torch_compat.h"
#include "media/image/image.h"

namespace atelier::engine {

struct ClassifierFacts {
  std::vector<std::string> labels;  // in the order of the network's outputs
  std::string flagged;  // the label that stands for unsafe content; "" when the model has none
};

class ImageClassifier {
 public:
  static constexpr std::string_view kCapability = "classify pictures";

  virtual ~ImageClassifier() = default;
  virtual const ClassifierFacts& facts() const = 0;
  virtual at::ScalarType dtype() const = 0;
  // The probability of each label of facts(), in that order; their sum is 1. `picture` has any size
  // and is prepared as the family's reference does; grey is repeated, RGBA lies on white. `check`
  // is called between parts of the work; what it throws ends the call. Throws kInvalidArgument for
  // an invalid picture, kInternal where the network's numbers overflowed.
  virtual std::vector<double> scores(const media::Image& picture,
                                     const std::function<void()>& check) const = 0;
};

// `flagged` of atelier.json where it is one of the labels; else the first label that is "nsfw",
// "unsafe", "porn" or "explicit" in any case; "" for none.
std::string flagged_label(const std::vector<std::string>& labels, const boost::json::object& card);

// The values of a tensor of probabilities, from any device. Throws kInternal where one is not a
// number.
std::vector<double> checked_scores(const Tensor& probabilities);

}  // namespace atelier::engine
