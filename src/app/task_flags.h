// The flags of a command that runs one task. They are made from the rows of the task's parameters:
// `--<name with dashes>` for each, `--no-<name>` where a switch is on by default, and a file for
// each attachment. Their values become members of the task's input. Used by one thread.
#pragma once

#include <boost/json/object.hpp>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "card/task.h"
#include "domain/jobs/field_names.h"
#include "scheduler/scheduler.h"

namespace CLI {
class App;
}

namespace atelier::app {

struct TaskFlagNames {
  std::string positional = {};  // the member or attachment that is the positional argument
  std::map<std::string, std::string> aliases = {};  // member → another flag, which refusals name
  std::set<std::string> left_out = {};              // members and attachments without a flag
};

class TaskFlags {
 public:
  explicit TaskFlags(const card::TaskDescription& task, TaskFlagNames names = {});

  // The flags write into this object while the command line is parsed.
  void add_to(CLI::App& command);

  // Sets a member as if its flag had been given; for flags that set more than one member.
  void set(const std::string& member, boost::json::value value, const std::string& flag);
  // Sets the file of an attachment without a flag. Error messages name the file where it has no
  // flag, or is the positional argument.
  void set_file(const std::string& role, const std::string& path);
  // The files of the attachments.
  std::vector<std::filesystem::path> files() const;
  // "" when the flag was not given.
  std::string text(const std::string& member) const;

  // The job of this command line, with the files of its attachments. Throws kInvalidArgument with
  // the flag as field (a number that is not finite, an unknown choice, an invalid seed, an empty
  // file), and what reading a file throws.
  scheduler::NewJob job() const;

 private:
  std::string flag_of(const card::Parameter& row) const;  // with which it is refused
  std::string flags_of(const card::Parameter& row) const;
  void add_row(CLI::App& command, const card::Parameter& row);
  domain::FieldNames field_names() const;
  void read_row(const card::Parameter& row, boost::json::object& members) const;

  const card::TaskDescription* task_;
  TaskFlagNames names_;
  boost::json::object typed_;                  // member → text of the flag; seeds are texts
  std::map<std::string, std::string> files_;   // role → path
  std::map<std::string, std::string> set_by_;  // member → flag
};

// Sentences about members that have no effect; the job gets their defaults.
std::vector<std::string> take_without_effect(scheduler::NewJob& job);

}  // namespace atelier::app
