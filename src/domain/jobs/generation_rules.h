// What a person may ask of a model. Called by the scheduler before a job is accepted, from any
// thread. Failures: Error(kInvalidArgument) whose sentence names the field as a JSON pointer
// ("/input/steps").
#pragma once

#include "card/generation.h"
#include "card/model_card.h"

namespace atelier::domain {

struct SourcePictures {
  bool image = false, mask = false;
};

void check_generation(const card::GenerationInput& input, const card::ModelCard& model,
                      SourcePictures pictures);

}  // namespace atelier::domain
