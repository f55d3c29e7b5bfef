// What a person may ask of a model. Called by the scheduler before a job is accepted, from any
// thread. Failures: Error(kInvalidArgument) whose sentence begins with the field as it was sent
// ("/input/steps: …").
#pragma once

#include <string>
#include <vector>

#include "card/generation.h"
#include "card/model_card.h"
#include "domain/jobs/field_names.h"

namespace atelier::domain {

struct SourcePictures {
  bool image = false, mask = false;
};

void check_generation(const card::GenerationInput& input, const card::ModelCard& model,
                      SourcePictures pictures, const FieldNames& names = {});

// Sentences about what was asked and cannot have an effect.
std::vector<std::string> without_effect(const card::GenerationInput& input, SourcePictures pictures,
                                        const FieldNames& names = {});

}  // namespace atelier::domain
