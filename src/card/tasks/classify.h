// `classify`: how well each label of a model fits a picture, for example how unsafe it is.
// Everything of the task's description stands in this header.
#pragma once

#include <boost/describe.hpp>
#include <string>
#include <vector>

#include "card/output.h"
#include "card/standard_rows.h"
#include "card/task.h"

namespace atelier::card {

// Of an animated picture: enough to see each scene of a short one, few enough for a slow processor.
inline constexpr int kClassifiedFramesMax = 16;

struct ClassifyInput {
  std::string model;  // id; "" is the default of the task
  std::string dtype;  // "", "fp32", "bf16", "fp16"
};
BOOST_DESCRIBE_STRUCT(ClassifyInput, (), (model, dtype))

struct ClassifyFacts {
  std::string model, model_title, model_hash;
  std::string label;  // with the highest score
  double score = 0;   // of that label
  // The label that stands for unsafe content; "" where the model has none.
  std::string flagged;
  int frames = 1;        // how many were classified
  int frames_total = 1;  // of the file
  // Number in the file, from 0, of the frame that the scores are of: the one with the highest score
  // of the flagged label, without one the highest score of all.
  int frame = 0;
  int source_width = 0, source_height = 0;
  std::string dtype;
  std::vector<std::string> warnings;  // sentences
};
BOOST_DESCRIBE_STRUCT(ClassifyFacts, (),
                      (model, model_title, model_hash, label, score, flagged, frames, frames_total,
                       frame, source_width, source_height, dtype, warnings))

inline const TaskDescription& classify_task() {
  static const TaskDescription kTask{
      .id = "classify",
      .title = "Classify a picture",
      .summary =
          "Labels with scores, for example how unsafe a picture is; of an animated picture "
          "the frame with the highest score",
      .parameters = {model_row(), dtype_row()},
      .attachments = {{.role = "image",
                       .title = "Picture to classify",
                       .required = true,
                       .transparency = Transparency::kOnMatte,
                       .frames_max = kClassifiedFramesMax}},
      .model_kind = "analysis",
      .outputs = {"labels"},
      .capability = "classify",
      .light = true,
      .stage = "frame",
      .input = codec_of<ClassifyInput>(),
      .facts = codec_of<ClassifyFacts>(),
  };
  return kTask;
}

}  // namespace atelier::card
