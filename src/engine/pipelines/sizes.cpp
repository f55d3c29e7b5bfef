#include "engine/pipelines/sizes.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "platform/error.h"

namespace atelier::engine {
namespace {

void check_side(const char* name, int side) {
  if (side < kSideMin || side > kSideMax || side % kSideMultiple != 0) {
    throw Error(ErrorCode::kInvalidArgument,
                std::string(name) + " is " + std::to_string(side) + ", but must be a multiple of " +
                    std::to_string(kSideMultiple) + " from " + std::to_string(kSideMin) + " to " +
                    std::to_string(kSideMax));
  }
}

int made_side(double side) {
  const auto rounded = static_cast<int>(std::lround(side / kSideMultiple)) * kSideMultiple;
  return std::clamp(rounded, kSideMin, kSideMax);
}

}  // namespace

SizePlan plan_size(std::optional<int> width, std::optional<int> height, int native_width,
                   int native_height, bool exact) {
  SizePlan plan;
  plan.width = width.value_or(native_width);
  plan.height = height.value_or(native_height);
  check_side("width", plan.width);
  check_side("height", plan.height);
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
