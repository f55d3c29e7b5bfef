// Checks an input against the parameter rows of its task as the chosen model takes them. The same
// check is used by the native API, the dialects and the command line. Pure, any thread.
#pragma once

#include <string>
#include <vector>

#include "card/model_card.h"
#include "card/task.h"

namespace atelier::card {

// Throws kInvalidArgument with the field (a member, a role) for a value outside of its row, for
// attachments that the task or the model does not take, and for rules between parameters.
void check_input(const TaskInput& input, const ModelCard& model, const Roles& attached);

struct FieldNote {
  std::string field;     // without effect
  std::string sentence;  // why
};

// Parameters that differ from their default and have no effect, because the attachment that they
// need is absent.
std::vector<FieldNote> without_effect(const TaskInput& input, const Roles& attached);

// The capability that a model must have for this.
std::string needed_capability(const TaskDescription& task, const Roles& attached);

}  // namespace atelier::card
