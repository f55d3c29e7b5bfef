#include "engine/pipelines/sizes.h"

#include <algorithm>
#include <cmath>

#include "card/tasks/generate.h"

namespace atelier::engine {
namespace {

int made_side(double side) {
  const auto rounded = static_cast<int>(std::lround(side / card::kSideStep)) * card::kSideStep;
  return std::clamp(rounded, card::kSideMin, card::kSideMax);
}

}  // namespace

SizePlan plan_size(std::optional<int> width, std::optional<int> height, int native_width,
                   int native_height, bool exact) {
  SizePlan plan;
  plan.width = width.value_or(native_width);
  plan.height = height.value_or(native_height);
  plan.made_width = plan.width;
  plan.made_height = plan.height;
  const double native = static_cast<double>(native_width) * native_height;
  const double asked = static_cast<double>(plan.width) * plan.height;
  if (!exact && asked > kNativeFactorMax * native) {
    const double factor = std::sqrt(native / asked);
    plan.made_width = made_side(plan.width * factor);
    plan.made_height = made_side(plan.height * factor);
  }
  return plan;
}

}  // namespace atelier::engine
