// Runs the pictures of a golden file of tools/reference/make_vision_goldens.py through a whole
// model, from pixels to scores. Test code.
#pragma once

#include <gtest/gtest.h>

#include "engine/models/all_models.h"
#include "engine/models/image_classifier.h"
#include "tests/golden/model_golden.h"
#include "tests/golden/pattern_picture.h"

namespace atelier::engine {

// Loads the model at `path` and compares its scores with every case that has a picture.
inline void expect_golden_scores(const std::filesystem::path& path, const ModelGolden& golden,
                                 at::ScalarType dtype) {
  const auto model =
      load_model(detect_model(CheckpointFiles(path, "tiny")), {.bind = {.dtype = dtype}});
  auto& classifier = model->capability<ImageClassifier>();
  EXPECT_EQ(classifier.dtype(), dtype);
  int pictures = 0;
  for (const GoldenCase& one : golden.cases()) {
    const boost::json::value* const size = one.inputs.if_contains("picture");
    if (size == nullptr) continue;
    const std::vector<std::int64_t> sides = golden_integers(*size);
    const std::vector<double> scores = classifier.scores(
        golden::pattern_picture(static_cast<int>(sides[0]), static_cast<int>(sides[1])), [] {});
    EXPECT_EQ(scores.size(), classifier.facts().labels.size());
    expect_golden(at::tensor(scores, at::kDouble).unsqueeze(0), one.outputs.at("scores"), dtype,
                  std::to_string(sides[0]) + "x" + std::to_string(sides[1]));
    ++pictures;
  }
  EXPECT_EQ(pictures, 4);
}

}  // namespace atelier::engine
