// `enhance`: a picture is enlarged by an upscaler, and its details are then drawn again, image to
// image, by a diffusion model. A composite of `upscale` and `generate`, without a pipeline of its
// own.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "card/composite.h"
#include "card/standard_rows.h"
#include "card/tasks/generate.h"
#include "card/tasks/upscale.h"
#include "platform/error.h"

namespace atelier::card {

struct EnhanceInput {
  std::string prompt;
  std::optional<std::string> negative_prompt;
  std::string upscaler;      // id of the model of the first step; "" is the default
  std::string model;         // of the second
  int scale = 2;             // sides of the result over those of the picture
  double strength = 0.3;     // of the second step
  std::optional<int> steps;  // of the second step; absent: the model's
  std::optional<std::uint64_t> seed;
  std::string dtype;  // of both steps: "", "fp32", "bf16", "fp16"
};
BOOST_DESCRIBE_STRUCT(EnhanceInput, (),
                      (prompt, negative_prompt, upscaler, model, scale, strength, steps, seed,
                       dtype))

// The size of the result: that of the enlarged picture, rounded to what a diffusion model makes.
// Throws kInvalidArgument with the field `scale` where no such model makes it.
inline PictureSize enhanced_size(const PictureSize& picture, int scale) {
  const auto rounded = [scale](int pixels) {
    return (std::int64_t{pixels} * scale + kSideStep / 2) / kSideStep * kSideStep;
  };
  const auto width = rounded(picture.width), height = rounded(picture.height);
  const auto possible = [](std::int64_t side) { return side >= kSideMin && side <= kSideMax; };
  if (possible(width) && possible(height)) {
    return {static_cast<int>(width), static_cast<int>(height)};
  }
  throw Error(ErrorCode::kInvalidArgument, "scale",
              "the result would have " + std::to_string(width) + "x" + std::to_string(height) +
                  " pixels, and each side must have " + std::to_string(kSideMin) + " to " +
                  std::to_string(kSideMax) + ": choose another scale or another picture");
}

inline std::vector<Step> enhance_steps(const TaskInput& value, const PictureSizes& sizes) {
  const auto& input = value.as<EnhanceInput>();
  UpscaleInput enlarge;
  enlarge.model = input.upscaler;
  enlarge.scale = input.scale;
  enlarge.dtype = input.dtype;
  GenerationInput refine;
  refine.prompt = input.prompt;
  refine.negative_prompt = input.negative_prompt;
  refine.model = input.model;
  refine.exact_size = true;  // made small and enlarged, it would lose what the first step added
  refine.strength = input.strength;
  refine.steps = input.steps;
  refine.seed = input.seed;
  refine.dtype = input.dtype;
  if (const auto picture = sizes.find("image"); picture != sizes.end()) {
    const auto size = enhanced_size(picture->second, input.scale);
    refine.width = size.width;
    refine.height = size.height;
  }
  return {{.title = "Enlarge",
           .input = TaskInput::of(upscale_task(), enlarge),
           .attachments = {{"image", {.role = "image"}}},
           .fields = {{"model", "upscaler"}}},
          {.title = "Refine",
           .input = TaskInput::of(generate_task(), refine),
           .attachments = {{"image", {.step = 0}}}}};
}

inline const TaskDescription& enhance_task() {
  static const TaskDescription kTask{
      .id = "enhance",
      .title = "Enhance a picture",
      .summary =
          "A larger picture with new detail: enlarged by a network, then refined by a "
          "diffusion model",
      .parameters = {{.name = "prompt",
                      .kind = "string",
                      .title = "Prompt",
                      .help = "What the picture shows; may be empty",
                      .bytes_max = kPromptBytesMax},
                     {.name = "negative_prompt",
                      .kind = "string",
                      .title = "Negative prompt",
                      .help = "What it must not show",
                      .bytes_max = kPromptBytesMax},
                     {.name = "upscaler",
                      .kind = "model",
                      .title = "Upscaler",
                      .help = "Id of the model that enlarges; empty: the default",
                      .list = upscale_task().id},
                     {.name = "model",
                      .kind = "model",
                      .title = "Model",
                      .help = "Id of the model that refines; empty: the default",
                      .list = generate_task().id},
                     {.name = "scale",
                      .kind = "integer",
                      .title = "Scale",
                      .help = "Sides of the result over those of the picture",
                      .minimum = 1,
                      .maximum = kUpscaleMax,
                      .step = 1,
                      .default_value = "2"},
                     {.name = "strength",
                      .kind = "number",
                      .title = "Strength",
                      .help = "How far the enlarged picture may change",
                      .minimum = 0,
                      .maximum = 1,
                      .exclusive_minimum = true,
                      .step = 0.01,
                      .default_value = "0.3"},
                     {.name = "steps",
                      .kind = "integer",
                      .title = "Steps",
                      .help = "Of the refinement; empty: the model's",
                      .minimum = 1,
                      .maximum = kStepsMax,
                      .step = 1,
                      .slider_maximum = 150},
                     seed_row(),
                     dtype_row()},
      .attachments = {{.role = "image", .title = "Picture to enhance", .required = true}},
      .model_kind = "enhancement",
      .outputs = {"picture"},
      .input = codec_of<EnhanceInput>(),
      .facts = codec_of<CompositeFacts>(),
      .steps = enhance_steps,
  };
  return kTask;
}

}  // namespace atelier::card
