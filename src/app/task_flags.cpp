#include "app/task_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "card/seed.h"
#include "domain/jobs/input_rules.h"
#include "domain/settings/limits.h"
#include "platform/error.h"
#include "platform/files.h"
#include "platform/utf8.h"

namespace atelier::app {
namespace {

namespace bj = boost::json;

constexpr std::size_t kShownMax = 40;

[[noreturn]] void refuse(const std::string& flag, const std::string& sentence) {
  throw Error(ErrorCode::kInvalidArgument, flag, sentence);
}

std::string with_dashes(std::string name) {
  std::ranges::replace(name, '_', '-');
  return name;
}

bool on_by_default(const card::Parameter& row) {
  return row.kind == "boolean" && row.default_value == "true";
}

// "stretch, cover or contain"
std::string listed(const std::vector<std::string>& choices) {
  std::string text;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) text += i + 1 < choices.size() ? ", " : " or ";
    text += choices[i];
  }
  return text;
}

// "More take longer and add detail (1 to 1000)"
std::string help_of(const card::Parameter& row) {
  std::string more;
  const auto add = [&more](const std::string& text) { more += (more.empty() ? "" : "; ") + text; };
  if (row.name == card::kSeedMember) {
    add("-1: any");
  } else if (row.minimum || row.maximum) {
    add(card::range_of(row) + (row.unit.empty() ? "" : " " + row.unit));
  }
  if (!row.choices.empty()) add(listed(row.choices));
  if (!row.default_value.empty() && row.kind != "boolean") add("default " + row.default_value);
  if (!row.needs.empty()) add("needs --" + with_dashes(row.needs));
  return row.help + (more.empty() ? "" : " (" + more + ")");
}

std::vector<std::uint8_t> read_attachment(const std::string& path, const std::string& flag) {
  std::error_code failure;
  // A pipe without a writer would never answer.
  if (std::filesystem::exists(path, failure) && !std::filesystem::is_regular_file(path, failure)) {
    refuse(flag, "'" + path + "' is not a regular file: choose a picture");
  }
  auto bytes = platform::read_file(path, domain::limits::kPictureBytesMax);
  if (bytes.empty()) refuse(flag, "the file '" + path + "' is empty: choose a picture");
  return bytes;
}

}  // namespace

TaskFlags::TaskFlags(const card::TaskDescription& task, TaskFlagNames names)
    : task_(&task), names_(std::move(names)) {}

std::string TaskFlags::flag_of(const card::Parameter& row) const {
  if (const auto flag = set_by_.find(row.name); flag != set_by_.end()) return flag->second;
  if (row.name == names_.positional) return "the " + row.name;
  const auto alias = names_.aliases.find(row.name);
  if (alias != names_.aliases.end()) return alias->second;
  return (on_by_default(row) ? "--no-" : "--") + with_dashes(row.name);
}

std::string TaskFlags::flags_of(const card::Parameter& row) const {
  const auto own = "--" + with_dashes(row.name);
  const auto alias = names_.aliases.find(row.name);
  return alias == names_.aliases.end() ? own : own + "," + alias->second;
}

void TaskFlags::add_row(CLI::App& command, const card::Parameter& row) {
  const auto keep = [this, member = row.name](const auto& value) { typed_[member] = value; };
  const auto help = help_of(row);
  if (row.name == names_.positional) {
    command.add_option_function<std::string>(row.name, keep, help)->required();
  } else if (row.kind == "boolean") {
    const bool on = on_by_default(row);
    const auto flag = on ? "--no-" + with_dashes(row.name) : flags_of(row);
    command.add_flag_callback(flag, [keep, on] { keep(!on); }, on ? "Not: " + help : help);
  } else if (row.kind == "integer" && row.name != card::kSeedMember) {
    command.add_option_function<int>(flags_of(row), keep, help);
  } else if (row.kind == "number") {
    command.add_option_function<double>(flags_of(row), keep, help);
  } else {
    command.add_option_function<std::string>(flags_of(row), keep, help);
  }
}

void TaskFlags::add_to(CLI::App& command) {
  for (const auto& row : task_->parameters) {
    if (!names_.left_out.contains(row.name)) add_row(command, row);
  }
  for (const auto& attachment : task_->attachments) {
    if (names_.left_out.contains(attachment.role)) continue;
    const bool bare = attachment.role == names_.positional;
    auto* option = command.add_option_function<std::string>(
        bare ? attachment.role : "--" + with_dashes(attachment.role),
        [this, role = attachment.role](const std::string& path) { files_[role] = path; },
        attachment.title + " (a file)");
    if (attachment.required) option->required();
  }
}

void TaskFlags::set(const std::string& member, bj::value value, const std::string& flag) {
  typed_[member] = std::move(value);
  set_by_[member] = flag;
}

void TaskFlags::set_file(const std::string& role, const std::string& path) { files_[role] = path; }

std::vector<std::filesystem::path> TaskFlags::files() const {
  std::vector<std::filesystem::path> files;
  for (const auto& [role, path] : files_) {
    if (!path.empty()) files.emplace_back(path);
  }
  return files;
}

std::string TaskFlags::text(const std::string& member) const {
  const auto* value = typed_.if_contains(member);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

domain::FieldNames TaskFlags::field_names() const {
  domain::FieldNames names{.prefix = "--", .names = {}};
  for (const auto& row : task_->parameters) names.names[row.name] = flag_of(row);
  for (const auto& attachment : task_->attachments) {
    const auto file = files_.find(attachment.role);
    const bool bare = attachment.role == names_.positional;
    const bool by_name = bare || names_.left_out.contains(attachment.role);
    names.names[attachment.role] = by_name && file != files_.end()
                                       ? file->second
                                       : (bare ? "the " : "--") + with_dashes(attachment.role);
  }
  return names;
}

void TaskFlags::read_row(const card::Parameter& row, bj::object& members) const {
  const auto* typed = typed_.if_contains(row.name);
  if (typed == nullptr) return;
  // JSON cannot represent these; the station would use the default instead.
  if (typed->is_double() && !std::isfinite(typed->get_double())) {
    refuse(flag_of(row), "invalid number: expected a finite number, for example 0.75");
  }
  members[row.name] = *typed;
  if (!typed->is_string()) return;
  const std::string_view text = typed->get_string();
  const auto shown = "'" + platform::cut(text, kShownMax) + "'";
  if (row.name == card::kSeedMember) {
    const auto seed = card::read_seed(text, card::NegativeSeeds::kMinusOneIsAny);
    if (!seed) {
      refuse(flag_of(row), "invalid seed " + shown + ": " +
                               card::seed_range(card::NegativeSeeds::kMinusOneIsAny));
    }
    members[row.name] = seed->seed ? bj::value(*seed->seed) : bj::value(nullptr);
  } else if (!row.choices.empty() && text.empty()) {
    members.erase(row.name);
  } else if (!row.choices.empty() && std::ranges::find(row.choices, text) == row.choices.end()) {
    refuse(flag_of(row), shown + " is not known: choose " + listed(row.choices));
  }
}

scheduler::NewJob TaskFlags::job() const {
  scheduler::NewJob job;
  job.client = "cli";
  job.priority = task_->priority;
  job.names = field_names();
  bj::object members;
  for (const auto& row : task_->parameters) read_row(row, members);
  job.input.parameters = card::TaskInput(*task_, members);
  for (const auto& [role, path] : files_) {
    if (!path.empty()) job.attachments[role] = read_attachment(path, job.names.of(role));
  }
  return job;
}

std::vector<std::string> take_without_effect(scheduler::NewJob& job) {
  const auto attached = card::roles_of(job.attachments);
  auto& input = job.input.parameters;
  auto sentences = domain::warnings_of(input, attached, job.names);
  const card::TaskInput usual(*input.task(), bj::object{});
  for (const auto& note : card::without_effect(input, attached)) {
    const auto* value = usual.members().if_contains(note.field);
    input = input.with(note.field, value == nullptr ? bj::value(nullptr) : *value);
  }
  return sentences;
}

}  // namespace atelier::app
