// `upscale`: enlarges a picture with a super-resolution network. The whole description of the task
// is in this header.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "card/standard_rows.h"
#include "card/task.h"

namespace atelier::card {

// Pixels of the output: more is refused before anything is computed (600 MB as RGB).
inline constexpr std::int64_t kUpscaledPixelsMax = 200'000'000;
inline constexpr int kUpscaleMax = 8;  // sides of the output over those of the input
// Sides of a tile in pixels of the input: of a smaller one hardly anything would be kept, because
// 64 pixels at each edge are computed for the seams.
inline constexpr int kTileMin = 192, kTileMax = 1024;

struct UpscaleInput {
  std::string model;         // id; "" is the default of the task
  std::optional<int> scale;  // absent: the network's
  std::optional<int> tile;   // absent: the engine's choice
  std::string dtype;         // "", "fp32", "bf16", "fp16"
};
BOOST_DESCRIBE_STRUCT(UpscaleInput, (), (model, scale, tile, dtype))

struct UpscaleFacts {
  std::string model, model_title, model_hash;
  int scale = 0, network_scale = 0;  // of the output; of the network, which is resampled to it
  int source_width = 0, source_height = 0, width = 0, height = 0;
  int tile = 0, tiles = 0;  // side in pixels of the input; how many
  std::string dtype;
  std::vector<std::string> warnings;  // sentences
};
BOOST_DESCRIBE_STRUCT(UpscaleFacts, (),
                      (model, model_title, model_hash, scale, network_scale, source_width,
                       source_height, width, height, tile, tiles, dtype, warnings))

inline const TaskDescription& upscale_task() {
  static const TaskDescription kTask{
      .id = "upscale",
      .title = "Upscale a picture",
      .summary = "A larger picture with more detail, made by a network in tiles",
      .parameters = {model_row(),
                     {.name = "scale",
                      .kind = "integer",
                      .title = "Scale",
                      .help = "Sides of the result over those of the picture; empty: the model's",
                      .minimum = 1,
                      .maximum = kUpscaleMax,
                      .step = 1},
                     {.name = "tile",
                      .kind = "integer",
                      .title = "Tile",
                      .help = "Side of the parts that are computed at a time; smaller ones need "
                              "less memory",
                      .unit = "pixels",
                      .minimum = kTileMin,
                      .maximum = kTileMax,
                      .step = 1,
                      .default_value = "512"},
                     dtype_row()},
      .attachments = {{.role = "image", .title = "Picture to enlarge", .required = true}},
      .model_kind = "upscaling",
      .outputs = {"picture"},
      .capability = "upscale",
      .suspends = true,
      .savings = {{"tile", kTileMin}},
      .stage = "tile",
      .input = codec_of<UpscaleInput>(),
      .facts = codec_of<UpscaleFacts>(),
  };
  return kTask;
}

}  // namespace atelier::card
