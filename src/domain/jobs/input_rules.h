// The checks of a request before it becomes a job: its parameters against the model's card, and its
// attachments. Called by the scheduler, from any thread. Failures: Error(kInvalidArgument) with the
// field.
#pragma once

#include <string>
#include <vector>

#include "card/model_card.h"
#include "card/validation.h"
#include "domain/jobs/field_names.h"

namespace atelier::domain {

void check_job_input(const card::TaskInput& input, const card::ModelCard& model,
                     const card::Roles& attached);

// Sentences about parameters that have no effect; fields are written as they were sent.
std::vector<std::string> warnings_of(const card::TaskInput& input, const card::Roles& attached,
                                     const FieldNames& names);

}  // namespace atelier::domain
