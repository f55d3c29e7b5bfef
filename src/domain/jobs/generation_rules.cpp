#include "domain/jobs/generation_rules.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "domain/settings/limits.h"
#include "platform/error.h"

namespace atelier::domain {
namespace {

using card::GenerationInput;
using card::ModelCard;

[[noreturn]] void refuse(std::string_view field, const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, "/input/" + std::string(field) + ": " + why);
}

void check_side(std::string_view field, const std::optional<int>& side) {
  if (!side) return;
  if (*side < limits::kSideMin || *side > limits::kSideMax || *side % limits::kSideStep != 0) {
    refuse(field, std::to_string(*side) + " pixels is not possible: choose a multiple of " +
                      std::to_string(limits::kSideStep) + " from " +
                      std::to_string(limits::kSideMin) + " to " + std::to_string(limits::kSideMax));
  }
}

void check_whole(std::string_view field, int value, int minimum, int maximum) {
  if (value < minimum || value > maximum) {
    refuse(field, std::to_string(value) + " is out of range: choose " + std::to_string(minimum) +
                      " to " + std::to_string(maximum));
  }
}

void check_number(std::string_view field, const std::optional<double>& value, double minimum,
                  double maximum) {
  if (!value) return;
  if (!std::isfinite(*value) || *value < minimum || *value > maximum) {
    refuse(field, "the number is out of range: choose " + std::to_string(minimum) + " to " +
                      std::to_string(maximum));
  }
}

bool can(const ModelCard& model, std::string_view capability) {
  return std::ranges::find(model.capabilities, capability) != model.capabilities.end();
}

void check_pictures(const ModelCard& model, SourcePictures pictures) {
  if (pictures.mask && !pictures.image) {
    refuse("mask", "a mask needs a picture to paint in: send /input/image as well");
  }
  if (pictures.mask && !can(model, "inpaint")) {
    refuse("mask", "model '" + model.id + "' cannot inpaint: leave the mask out or choose another");
  }
  if (pictures.image && !pictures.mask && !can(model, "image_to_image")) {
    refuse("image", "model '" + model.id + "' makes no picture from a picture: choose another");
  }
  if (!pictures.image && !can(model, "text_to_image")) {
    refuse("image", "model '" + model.id + "' needs a picture to start from");
  }
}

void check_strength(const GenerationInput& input, SourcePictures pictures) {
  if (!input.strength) return;
  const double strength = *input.strength;
  if (!std::isfinite(strength) || strength <= 0 || strength > 1) {
    refuse("strength", "the strength must be above 0 and at most 1");
  }
  if (pictures.image && input.steps && strength * *input.steps < 1) {
    refuse("strength",
           "so small a strength leaves no step to run: raise /input/strength or "
           "/input/steps until their product is at least 1");
  }
}

void check_text(std::string_view field, const std::string& text) {
  if (text.size() > limits::kPromptBytesMax) {
    refuse(field, "the text is " + std::to_string(text.size()) + " bytes long: use at most " +
                      std::to_string(limits::kPromptBytesMax));
  }
}

}  // namespace

void check_generation(const GenerationInput& input, const ModelCard& model,
                      SourcePictures pictures) {
  check_text("prompt", input.prompt);
  check_text("negative_prompt", input.negative_prompt.value_or(""));
  check_side("width", input.width);
  check_side("height", input.height);
  if (input.steps) check_whole("steps", *input.steps, 1, limits::kStepsMax);
  check_whole("batch", input.batch, 1, limits::kBatchMax);
  check_whole("clip_skip", input.clip_skip, 0, limits::kClipSkipMax);
  check_whole("preview_every", input.preview_every, 0, limits::kStepsMax);
  check_number("guidance", input.guidance, 0, limits::kGuidanceMax);
  check_number("guidance_rescale", input.guidance_rescale, 0, 1);
  check_strength(input, pictures);
  check_pictures(model, pictures);
  const auto& dtype = input.dtype;
  if (!dtype.empty() && dtype != "fp32" && dtype != "bf16" && dtype != "fp16") {
    refuse("dtype", "'" + dtype + "' is not known: choose fp32, bf16 or fp16");
  }
}

}  // namespace atelier::domain
