#include "domain/jobs/generation_rules.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "domain/settings/limits.h"
#include "json/describe.h"
#include "media/image/colour.h"
#include "platform/error.h"

namespace atelier::domain {
namespace {

using card::GenerationInput;
using card::ModelCard;

// "100", "0.5": the fewest digits that say it.
std::string text_of(double number) {
  std::string text;
  json::append_number(text, number);
  return text;
}

// The checks of one input; a refusal names the field as it was sent.
class Rules {
 public:
  Rules(const GenerationInput& input, const ModelCard& model, SourcePictures pictures,
        const FieldNames& names)
      : input_(input), model_(model), pictures_(pictures), names_(names) {}

  void check() const;

 private:
  [[noreturn]] void refuse(std::string_view field, const std::string& why) const {
    throw Error(ErrorCode::kInvalidArgument, names_.of(field) + ": " + why);
  }
  void check_side(std::string_view field, const std::optional<int>& side) const;
  void check_whole(std::string_view field, int value, int minimum, int maximum) const;
  void check_number(std::string_view field, const std::optional<double>& value, double minimum,
                    double maximum) const;
  void check_text(std::string_view field, const std::string& text) const;
  void check_strength() const;
  void check_matte() const;
  void check_pictures() const;
  bool can(std::string_view capability) const {
    return std::ranges::find(model_.capabilities, capability) != model_.capabilities.end();
  }

  const GenerationInput& input_;
  const ModelCard& model_;
  SourcePictures pictures_;
  const FieldNames& names_;
};

void Rules::check_side(std::string_view field, const std::optional<int>& side) const {
  if (!side) return;
  if (*side < limits::kSideMin || *side > limits::kSideMax || *side % limits::kSideStep != 0) {
    refuse(field, std::to_string(*side) + " pixels is not possible: choose a multiple of " +
                      std::to_string(limits::kSideStep) + " from " +
                      std::to_string(limits::kSideMin) + " to " + std::to_string(limits::kSideMax));
  }
}

void Rules::check_whole(std::string_view field, int value, int minimum, int maximum) const {
  if (value < minimum || value > maximum) {
    refuse(field, std::to_string(value) + " is out of range: choose " + std::to_string(minimum) +
                      " to " + std::to_string(maximum));
  }
}

void Rules::check_number(std::string_view field, const std::optional<double>& value, double minimum,
                         double maximum) const {
  if (!value) return;
  if (!std::isfinite(*value) || *value < minimum || *value > maximum) {
    refuse(field, (std::isfinite(*value) ? text_of(*value) : "the number") +
                      " is out of range: choose " + text_of(minimum) + " to " + text_of(maximum));
  }
}

void Rules::check_pictures() const {
  const auto name = [this](const std::string& why) { return "model '" + model_.id + "' " + why; };
  if (pictures_.mask && !pictures_.image) {
    refuse("mask", "a mask needs a picture to paint in: send " + names_.of("image") + " as well");
  }
  if (pictures_.mask && !can("inpaint")) {
    refuse("mask", name("cannot inpaint: leave the mask out or choose another"));
  }
  if (pictures_.image && !pictures_.mask && !can("image_to_image")) {
    refuse("image", name("makes no picture from a picture: choose another"));
  }
  if (!pictures_.image && !can("text_to_image")) {
    refuse("image", name("needs a picture to start from"));
  }
}

void Rules::check_strength() const {
  if (!input_.strength) return;
  const double strength = *input_.strength;
  if (!std::isfinite(strength) || strength <= 0 || strength > 1) {
    refuse("strength", "the strength must be above 0 and at most 1");
  }
  if (pictures_.image && input_.steps && strength * *input_.steps < 1) {
    refuse("strength", "so small a strength leaves no step to run: raise " + names_.of("strength") +
                           " or " + names_.of("steps") + " until their product is at least 1");
  }
}

void Rules::check_matte() const {
  if (input_.matte.empty() || media::colour_from_text(input_.matte)) return;
  refuse("matte", "this is no colour: write it as #ffffff, or white, black or grey");
}

void Rules::check_text(std::string_view field, const std::string& text) const {
  if (text.size() > limits::kPromptBytesMax) {
    refuse(field, "the text is " + std::to_string(text.size()) + " bytes long: use at most " +
                      std::to_string(limits::kPromptBytesMax));
  }
}

void Rules::check() const {
  check_text("prompt", input_.prompt);
  check_text("negative_prompt", input_.negative_prompt.value_or(""));
  check_side("width", input_.width);
  check_side("height", input_.height);
  if (input_.steps) check_whole("steps", *input_.steps, 1, limits::kStepsMax);
  check_whole("batch", input_.batch, 1, limits::kBatchMax);
  check_whole("clip_skip", input_.clip_skip, 0, limits::kClipSkipMax);
  check_whole("preview_every", input_.preview_every, 0, limits::kStepsMax);
  check_number("guidance", input_.guidance, 0, limits::kGuidanceMax);
  check_number("guidance_rescale", input_.guidance_rescale, 0, 1);
  check_strength();
  check_pictures();
  const auto& dtype = input_.dtype;
  if (!dtype.empty() && dtype != "fp32" && dtype != "bf16" && dtype != "fp16") {
    refuse("dtype", "'" + dtype + "' is not known: choose fp32, bf16 or fp16");
  }
  check_matte();
}

}  // namespace

void check_generation(const GenerationInput& input, const ModelCard& model, SourcePictures pictures,
                      const FieldNames& names) {
  Rules(input, model, pictures, names).check();
}

std::vector<std::string> without_effect(const GenerationInput& input, SourcePictures pictures,
                                        const FieldNames& names) {
  std::vector<std::string> sentences;
  const auto needs_a_picture = [&](std::string_view field) {
    sentences.push_back(names.of(field) + " was ignored: it needs a picture to start from (" +
                        names.of("image") + ")");
  };
  if (!pictures.mask && !input.keep_outside) {
    sentences.push_back(names.of("keep_outside") + " was ignored: it needs a mask (" +
                        names.of("mask") + ")");
  }
  if (pictures.image) return sentences;
  if (input.strength) needs_a_picture("strength");
  if (input.fit != card::FitMode::kStretch) needs_a_picture("fit");
  if (!input.matte.empty()) needs_a_picture("matte");
  return sentences;
}

}  // namespace atelier::domain
