#include "engine/models/image_classifier.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/models/model_family.h"
#include "platform/ascii.h"
#include "platform/error.h"

namespace atelier::engine {

std::string flagged_label(const std::vector<std::string>& labels, const boost::json::object& card) {
  constexpr std::array<std::string_view, 4> kUnsafe = {"nsfw", "unsafe", "porn", "explicit"};
  std::string named = text_or(card, "flagged", "");
  if (std::ranges::find(labels, named) != labels.end()) return named;
  const auto found = std::ranges::find_if(labels, [&](const std::string& label) {
    return std::ranges::find(kUnsafe, platform::lower(label)) != kUnsafe.end();
  });
  return found == labels.end() ? "" : *found;
}

std::vector<double> checked_scores(const Tensor& probabilities) {
  const Tensor values = probabilities.to(at::kCPU, at::kDouble).contiguous();
  const double* const first = values.data_ptr<double>();
  std::vector<double> scores(first, first + values.numel());
  if (!std::ranges::all_of(scores, [](double score) { return std::isfinite(score); })) {
    throw Error(ErrorCode::kInternal,
                "the network's numbers overflowed: choose fp32 as the number format, or fetch the "
                "model again");
  }
  return scores;
}

}  // namespace atelier::engine
