// What composite tasks share: tasks whose jobs are several runs of other tasks that feed one
// another (TaskDescription::steps). Pure, any thread.
#pragma once

#include <boost/describe.hpp>
#include <string>
#include <vector>

#include "card/task.h"

namespace atelier::card {

struct StepFacts {
  std::string title, task;  // of the step
  boost::json::value facts;
};
BOOST_DESCRIBE_STRUCT(StepFacts, (), (title, task, facts))

// The facts of every composite task.
struct CompositeFacts {
  std::vector<StepFacts> steps;       // in order
  std::vector<std::string> warnings;  // sentences, of the request and of all steps
};
BOOST_DESCRIBE_STRUCT(CompositeFacts, (), (steps, warnings))

// Ids of the tasks that an engine must run for this one: its own, or those of its steps.
std::vector<std::string> tasks_run_by(const TaskDescription& task);

}  // namespace atelier::card
