#include "card/validation.h"

#include <algorithm>
#include <cmath>

#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::card {
namespace {

using boost::json::value;

constexpr std::size_t kShownMax = 40;

[[noreturn]] void refuse(const std::string& field, const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, field, why);
}

std::string text_of(const value& number) {
  std::string text;
  json::append_value(text, number);
  return text;
}

void check_number(const Parameter& row, const value& number) {
  const double given = number.to_number<double>();
  const bool low =
      row.minimum && (row.exclusive_minimum ? given <= *row.minimum : given < *row.minimum);
  const bool high = row.maximum && given > *row.maximum;
  const bool between =
      row.kind == "integer" && row.step && *row.step > 1 && std::fmod(given, *row.step) != 0;
  if (!low && !high && !between) return;
  refuse(row.name, text_of(number) + (row.unit.empty() ? "" : " " + row.unit) +
                       (between && !low && !high ? " is not possible" : " is out of range") +
                       ": choose " + range_of(row));
}

void check_text(const Parameter& row, std::string_view text) {
  if (row.bytes_max && text.size() > static_cast<std::size_t>(*row.bytes_max)) {
    refuse(row.name, "the text is " + std::to_string(text.size()) + " bytes long: use at most " +
                         std::to_string(*row.bytes_max));
  }
}

void check_choice(const Parameter& row, std::string_view text) {
  if (text.empty() || row.choices.empty()) return;
  if (std::ranges::find(row.choices, text) != row.choices.end()) return;
  std::string known;
  for (const auto& choice : row.choices) known += (known.empty() ? "" : ", ") + choice;
  refuse(row.name,
         "unknown value '" + platform::cut(text, kShownMax) + "': choose one of " + known);
}

void check_row(const Parameter& row, const value& given) {
  if (given.is_number()) return check_number(row, given);
  if (!given.is_string()) return;
  row.kind == "choice" ? check_choice(row, given.get_string())
                       : check_text(row, given.get_string());
}

void check_attached(const TaskDescription& task, const Roles& attached) {
  for (const auto& role : attached) {
    const auto* attachment = find_attachment(task, role);
    if (attachment == nullptr) refuse(role, "the task '" + task.id + "' takes no such attachment");
    if (!attachment->needs.empty() && !attached.contains(attachment->needs)) {
      refuse(role, "it requires '" + attachment->needs + "' as well: send both");
    }
  }
  for (const auto& attachment : task.attachments) {
    if (attachment.required && !attached.contains(attachment.role)) {
      refuse(attachment.role, "it is missing: send a " + attachment.media);
    }
  }
}

// The attachment that requires the capability, for the field of the error.
const Attachment* deciding(const TaskDescription& task, const Roles& attached) {
  const Attachment* last = nullptr;
  for (const auto& attachment : task.attachments) {
    if (attached.contains(attachment.role) && !attachment.capability.empty()) last = &attachment;
  }
  return last;
}

void check_capability(const TaskDescription& task, const ModelCard& model, const Roles& attached) {
  const auto needed = needed_capability(task, attached);
  if (needed.empty() || std::ranges::find(model.capabilities, needed) != model.capabilities.end()) {
    return;
  }
  if (const auto* attachment = deciding(task, attached)) {
    refuse(attachment->role, "model '" + model.id + "' cannot use this (it lacks the capability '" +
                                 needed + "'): leave it out or choose another model");
  }
  for (const auto& attachment : task.attachments) {
    if (attachment.capability.empty() ||
        std::ranges::find(model.capabilities, attachment.capability) == model.capabilities.end()) {
      continue;
    }
    const auto both = attachment.needs.empty() ? "" : "'" + attachment.needs + "' and ";
    refuse(attachment.role, "model '" + model.id + "' needs " + both + "'" + attachment.role +
                                "' to start from: send it or choose another model");
  }
  refuse(std::string(kModelMember),
         "model '" + model.id + "' lacks the capability '" + needed + "': choose another model");
}

}  // namespace

std::string needed_capability(const TaskDescription& task, const Roles& attached) {
  const auto* attachment = deciding(task, attached);
  return attachment == nullptr ? task.capability : attachment->capability;
}

void check_input(const TaskInput& input, const ModelCard& model, const Roles& attached) {
  if (input.task() == nullptr) {
    refuse("task", "unknown task '" + platform::cut(input.task_id(), kShownMax) +
                       "': this program cannot run it");
  }
  const auto& task = *input.task();
  const auto* serves = served(model, task.id);
  for (const auto& row : serves != nullptr ? serves->parameters : task.parameters) {
    const auto* given = input.members().if_contains(row.name);
    if (given != nullptr) check_row(row, *given);
  }
  check_attached(task, attached);
  check_capability(task, model, attached);
  if (task.check) task.check(input, attached);
}

std::vector<FieldNote> without_effect(const TaskInput& input, const Roles& attached) {
  std::vector<FieldNote> notes;
  if (input.task() == nullptr) return notes;
  const TaskInput defaults(*input.task(), boost::json::object{});
  for (const auto& row : input.task()->parameters) {
    if (row.needs.empty() || attached.contains(row.needs)) continue;
    const auto* given = input.members().if_contains(row.name);
    const auto* usual = defaults.members().if_contains(row.name);
    if (given == nullptr || (usual != nullptr && *given == *usual)) continue;
    notes.push_back({row.name, "was ignored: it has no effect without '" + row.needs + "'"});
  }
  return notes;
}

}  // namespace atelier::card
