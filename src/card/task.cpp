#include "card/task.h"

#include <algorithm>
#include <utility>

namespace atelier::card {
namespace {

const boost::json::object& no_members() {
  static const boost::json::object kNone;
  return kNone;
}

}  // namespace

TaskValue::TaskValue(const StructCodec& codec, const boost::json::value& from,
                     const std::string& pointer, json::ReadReport* report)
    : type_(codec.type), value_(codec.read(from, pointer, report)) {
  // Serialised from the struct: with defaults, without unknown keys.
  object_ = std::make_shared<const boost::json::object>(
      json::parse(codec.write(value_.get())).as_object());
}

TaskValue::TaskValue(boost::json::object unread)
    : object_(std::make_shared<const boost::json::object>(std::move(unread))) {}

const boost::json::object& TaskValue::members() const { return object_ ? *object_ : no_members(); }

std::string TaskValue::json() const {
  std::string text;
  json::append_value(text, members());
  return text;
}

bool TaskValue::has(std::string_view member) const {
  const auto* value = members().if_contains(member);
  return value != nullptr && !value->is_null();
}

std::string TaskValue::text(std::string_view member) const {
  const auto* value = members().if_contains(member);
  if (value == nullptr || !value->is_string()) return "";
  return std::string(value->get_string());
}

TaskInput::TaskInput(const TaskDescription& task, const boost::json::value& from,
                     const std::string& pointer, json::ReadReport* report)
    : TaskValue(task.input, from, pointer, report), task_id_(task.id), task_(&task) {}

TaskInput TaskInput::of_unknown(std::string task, boost::json::object members) {
  return {std::move(task), std::move(members)};
}

TaskInput TaskInput::with(std::string_view member, boost::json::value value) const {
  CHECK(task_ != nullptr);
  auto changed = members();
  changed[member] = std::move(value);
  return TaskInput(*task_, changed);
}

TaskFacts::TaskFacts(const TaskDescription& task, const boost::json::value& from)
    : TaskValue(task.facts, from, "", nullptr) {}

TaskFacts TaskFacts::of_unknown(boost::json::object members) {
  return TaskFacts(std::move(members));
}

std::vector<std::string> TaskFacts::warnings() const {
  std::vector<std::string> sentences;
  const auto* list = members().if_contains("warnings");
  if (list == nullptr || !list->is_array()) return sentences;
  for (const auto& each : list->get_array()) {
    if (each.is_string()) sentences.emplace_back(each.get_string());
  }
  return sentences;
}

const Attachment* find_attachment(const TaskDescription& task, const std::string& role) {
  const auto found = std::ranges::find(task.attachments, role, &Attachment::role);
  return found == task.attachments.end() ? nullptr : &*found;
}

}  // namespace atelier::card
