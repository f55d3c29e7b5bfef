// `generate`: pictures from a prompt, or from a picture and a prompt. The input with its parameter
// rows and limits, and what was used. Pictures are attachments, sent beside the input.
// Absent optionals mean "the model's card decides"; the engine fills them and reports what it used.
#pragma once

#include <boost/describe.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "card/standard_rows.h"
#include "card/task.h"

namespace atelier::card {

// Limits of the parameters: the rows, the engine's own checks and the dialects use these.
inline constexpr int kSideMin = 64;      // 8 latents: the least that all networks of a family take
inline constexpr int kSideMax = 2048;    // larger ones need tiling of the network itself
inline constexpr int kSideStep = 8;      // one latent
inline constexpr int kStepsMax = 1000;   // the training schedule has no more
inline constexpr int kBatchMax = 16;     // each picture is kept in memory until the job ends
inline constexpr int kClipSkipMax = 12;  // layers of the smallest text encoder
inline constexpr double kGuidanceMax = 100;       // every pixel is saturated beyond it
inline constexpr int kPromptBytesMax = 64 << 10;  // about 150 chunks of 75 tokens

enum class FitMode {
  kStretch,
  kCover,
  kContain
};  // how a source picture is fitted to the requested size
BOOST_DESCRIBE_ENUM(FitMode, kStretch, kCover, kContain)

struct GenerationInput {
  std::string prompt;
  std::optional<std::string>
      negative_prompt;               // absent and "" differ for SDXL (zeros against encoded "")
  std::string model;                 // id; "" is the default of the task
  std::optional<int> width, height;  // pixels; absent: native size
  bool exact_size = false;           // never generate at a smaller size and enlarge
  std::optional<int> steps;
  std::optional<double> guidance;  // classifier-free guidance scale, > 1 is active
  std::optional<double> guidance_rescale;
  double guidance_end = 1;            // share of the steps that are guided, the first ones
  std::string sampler;                // id of a sampler; "" is the model's
  std::string schedule;               // "" is the sampler's or the model's
  std::optional<std::uint64_t> seed;  // absent: drawn by the station and reported
  int batch = 1;                      // picture i has seed + i
  std::optional<double> strength;     // image to image and inpainting
  FitMode fit = FitMode::kStretch;
  std::string matte;         // colour behind transparent parts of the picture; "" is white
  bool keep_outside = true;  // inpainting: what is outside the mask stays the picture's own pixels
  int clip_skip = 0;      // counted as A1111 does: 0 and 1 are the last layer, 2 the last but one
  std::string dtype;      // "", "fp32", "bf16", "fp16"
  bool precise = false;   // no fast paths that move the numbers
  int preview_every = 0;  // steps between latent previews, 0: none
  bool tile_vae = false;
};
BOOST_DESCRIBE_STRUCT(GenerationInput, (),
                      (prompt, negative_prompt, model, width, height, exact_size, steps, guidance,
                       guidance_rescale, guidance_end, sampler, schedule, seed, batch, strength,
                       fit, matte, keep_outside, clip_skip, dtype, precise, preview_every,
                       tile_vae))

// One row per member. The choices of samplers and schedules are in the model's card.
inline std::vector<Parameter> generation_parameters() {
  return {
      {.name = "prompt",
       .kind = "string",
       .title = "Prompt",
       .help = "What the picture shows",
       .bytes_max = kPromptBytesMax},
      {.name = "negative_prompt",
       .kind = "string",
       .title = "Negative prompt",
       .help = "What it must not show",
       .bytes_max = kPromptBytesMax},
      model_row(),
      {.name = "width",
       .kind = "integer",
       .title = "Width",
       .help = "Of the picture; empty: the model's native size",
       .unit = "pixels",
       .minimum = kSideMin,
       .maximum = kSideMax,
       .step = kSideStep},
      {.name = "height",
       .kind = "integer",
       .title = "Height",
       .help = "Of the picture; empty: the model's native size",
       .unit = "pixels",
       .minimum = kSideMin,
       .maximum = kSideMax,
       .step = kSideStep},
      {.name = "exact_size",
       .kind = "boolean",
       .title = "Exact size",
       .help = "Generate at this size even where the model's native size is far smaller, instead "
               "of enlarging the picture afterwards",
       .default_value = "false"},
      {.name = "steps",
       .kind = "integer",
       .title = "Steps",
       .help = "More take longer and add detail",
       .minimum = 1,
       .maximum = kStepsMax,
       .step = 1,
       .slider_maximum = 150},
      {.name = "guidance",
       .kind = "number",
       .title = "Guidance",
       .help = "Scale of classifier-free guidance; 1 and below is off",
       .minimum = 0,
       .maximum = kGuidanceMax,
       .step = 0.5,
       .slider_maximum = 30},
      {.name = "guidance_rescale",
       .kind = "number",
       .title = "Guidance rescale",
       .help = "Lowers the contrast that strong guidance adds",
       .minimum = 0,
       .maximum = 1,
       .step = 0.05,
       .default_value = "0"},
      {.name = "guidance_end",
       .kind = "number",
       .title = "Guidance until",
       .help = "Share of the steps with guidance; the steps after it take about half the time",
       .minimum = 0,
       .maximum = 1,
       .step = 0.05,
       .default_value = "1"},
      {.name = "sampler",
       .kind = "choice",
       .title = "Sampler",
       .help = "Empty: the model's own",
       .list = "samplers"},
      {.name = "schedule",
       .kind = "choice",
       .title = "Schedule",
       .help = "How the noise levels of the steps are spaced",
       .list = "schedules"},
      seed_row(),
      {.name = "batch",
       .kind = "integer",
       .title = "Pictures",
       .help = "Each with its own seed",
       .minimum = 1,
       .maximum = kBatchMax,
       .step = 1,
       .default_value = "1"},
      {.name = "strength",
       .kind = "number",
       .title = "Strength",
       .help = "How far the given picture may change",
       .minimum = 0,
       .maximum = 1,
       .exclusive_minimum = true,
       .step = 0.01,
       .needs = "image"},
      {.name = "fit",
       .kind = "choice",
       .title = "Fit",
       .help = "How the given picture is brought to the size: stretched, cut to cover it, or with "
               "edges to be contained in it",
       .default_value = "stretch",
       .choices = {"stretch", "cover", "contain"},
       .needs = "image"},
      {.name = "matte",
       .kind = "string",
       .title = "Matte",
       .help = "Colour behind transparent parts of the given picture, for example #ffffff",
       .bytes_max = 40,
       .needs = "image"},
      {.name = "keep_outside",
       .kind = "boolean",
       .title = "Keep outside",
       .help = "Pixels outside the mask stay those of the given picture",
       .default_value = "true",
       .needs = "mask"},
      {.name = "clip_skip",
       .kind = "integer",
       .title = "CLIP skip",
       .help = "2 leaves out the last layer of the text encoder",
       .minimum = 0,
       .maximum = kClipSkipMax,
       .step = 1,
       .default_value = "0"},
      dtype_row(),
      {.name = "precise",
       .kind = "boolean",
       .title = "Precise",
       .help = "Without the fast algorithms that change the numbers slightly",
       .default_value = "false"},
      {.name = "preview_every",
       .kind = "integer",
       .title = "Preview every",
       .help = "Steps between previews; 0: none",
       .unit = "steps",
       .minimum = 0,
       .maximum = kStepsMax,
       .step = 1,
       .default_value = "0"},
      {.name = "tile_vae",
       .kind = "boolean",
       .title = "Tiled decoding",
       .help = "The autoencoder works in tiles, with less memory",
       .default_value = "false"},
  };
}

// The values that were used, reported with the result and written into the picture.
struct GenerationUsed {
  std::string model;  // id
  std::string model_title;
  std::string model_hash;               // short name of what was loaded, may be empty
  std::string sampler;                  // canonical display name, e.g. "DPM++ 2M"
  std::string schedule;                 // canonical display name, e.g. "Karras"
  int width = 0, height = 0;            // of the pictures returned
  int made_width = 0, made_height = 0;  // of the denoised picture; differs when enlarged afterwards
  int steps = 0;
  double guidance = 0;
  std::optional<double> guidance_end;  // absent: all steps alike
  std::uint64_t seed = 0;              // of the first picture
  int batch = 1;
  std::optional<double> strength;
  std::optional<std::string> matte;  // "#rrggbb"; absent without a picture to start from
  std::optional<bool> keep_outside;  // absent without a mask
  int clip_skip = 0;
  std::string dtype;
  std::string prompt, negative_prompt;
  std::vector<std::string> warnings;  // sentences
};
BOOST_DESCRIBE_STRUCT(GenerationUsed, (),
                      (model, model_title, model_hash, sampler, schedule, width, height, made_width,
                       made_height, steps, guidance, guidance_end, seed, batch, strength, matte,
                       keep_outside, clip_skip, dtype, prompt, negative_prompt, warnings))

const TaskDescription& generate_task();

}  // namespace atelier::card
