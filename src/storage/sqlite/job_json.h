// The input and the result of a job as JSON in the database. Members are only added, never
// renamed; a missing one is its default, so that an older row stays readable. A task or members
// that this program does not know are kept and shown as they are. Text that is not of this form
// throws kInvalidArgument.
#pragma once

#include <string>

#include "domain/jobs/job.h"

namespace atelier::storage {

std::string write_input(const domain::JobInput& input);
domain::JobInput read_input(const std::string& task, const std::string& text);

// What the finished steps of a job made, in order. Reading throws where they are not fewer than the
// job has steps.
std::string write_steps(const domain::Job& job);
std::vector<domain::JobResult> read_steps(const domain::JobInput& input, const std::string& text);

std::string write_result(const domain::JobResult& result);
domain::JobResult read_result(const std::string& task, const std::string& text);

}  // namespace atelier::storage
