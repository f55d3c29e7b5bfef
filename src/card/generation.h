// What a person asks for when a picture is to be made: plain values that the station, the protocol
// and the engine share. Pictures travel beside it (media::Image). Absent optionals mean "the
// model's card decides"; the engine fills them and reports what it used in GenerationUsed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace atelier::card {

enum class FitMode { kStretch, kCover, kContain };  // how a source picture meets the asked size

struct GenerationInput {
  std::string prompt;
  std::optional<std::string>
      negative_prompt;               // absent and "" differ for SDXL (zeros against encoded "")
  std::string model;                 // id; "" is the default of the task
  std::optional<int> width, height;  // pixels, multiples of 8 in [64, 2048]; absent: native size
  bool exact_size = false;           // never make small and enlarge
  std::optional<int> steps;          // 1..1000
  std::optional<double> guidance;    // classifier-free guidance scale, > 1 is active
  std::optional<double> guidance_rescale;  // 0..1
  std::string sampler;                     // any name of samplers/names; "" is the model's
  std::string schedule;                    // "" is the sampler's or the model's
  std::optional<std::uint64_t> seed;       // absent: drawn by the station and reported
  int batch = 1;                           // picture i has seed + i
  std::optional<double> strength;          // image to image and inpainting, (0, 1]
  FitMode fit = FitMode::kStretch;
  std::string matte;         // colour behind transparent parts of the picture; "" is white
  bool keep_outside = true;  // inpainting: what is outside the mask stays the picture's own pixels
  int clip_skip = 0;      // counted as A1111 does: 0 and 1 are the last layer, 2 the last but one
  std::string dtype;      // "", "fp32", "bf16", "fp16"
  bool precise = false;   // no fast paths that move the numbers
  int preview_every = 0;  // steps between latent previews, 0: none
  bool tile_vae = false;
};

// What was really used, reported with the result and written into the picture.
struct GenerationUsed {
  std::string model;  // id
  std::string model_title;
  std::string model_hash;               // short name of all data that was loaded, may be empty
  std::string sampler;                  // canonical display name, e.g. "DPM++ 2M"
  std::string schedule;                 // canonical display name, e.g. "Karras"
  int width = 0, height = 0;            // of the pictures returned
  int made_width = 0, made_height = 0;  // of the denoised picture; differs when enlarged afterwards
  int steps = 0;
  double guidance = 0;
  std::uint64_t seed = 0;  // of the first picture
  int batch = 1;
  std::optional<double> strength;
  std::optional<std::string> matte;  // "#rrggbb"; absent without a picture to start from
  std::optional<bool> keep_outside;  // absent without a mask
  int clip_skip = 0;
  std::string dtype;
  std::string prompt, negative_prompt;
  std::vector<std::string> warnings;  // sentences
};

// Where the seconds went.
struct GenerationTiming {
  double load_ms = 0, encode_ms = 0, denoise_ms = 0, decode_ms = 0;
  double step_ms_median = 0;
};

}  // namespace atelier::card
