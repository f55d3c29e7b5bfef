// A job as a series of runs: one run of its own task, or the steps of a composite task, each of
// them a run of an ordinary task. Pure functions over the job, any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "card/task.h"
#include "domain/jobs/job.h"
#include "platform/error.h"

namespace atelier::domain {

// Checks the input of a step as that of a job of its own, and returns it with ids for names.
using ResolveStep =
    std::function<card::TaskInput(const card::TaskInput& input, const card::Roles& attached)>;

// The steps of a composite task, each resolved. The refusal of a step has the field of the request
// where the task itself has such a member; its sentence names the step.
std::vector<card::Step> plan_steps(const card::TaskInput& input, const card::PictureSizes& sizes,
                                   const ResolveStep& resolve);

std::size_t runs_of(const Job& job);  // at least 1

// The input of the run that follows those that have finished. Throws kInternal when an earlier step
// left no picture that it needs.
JobInput next_run(const Job& job);

// The id of the model that this run names; "" where it names none.
std::string model_of_next_run(const Job& job);

// The task of this run and its size.
std::string task_of_next_run(const Job& job);
card::Work work_of_next_run(const Job& job);

// "Refine (2 of 2)": the run that follows those that have finished; "" where the job is one run.
std::string part_of(const Job& job);

// An error of that run, as an error of the job.
Error error_of_run(const Job& job, const Error& error);

// The result of a composite job whose steps have all finished.
JobResult composed(const Job& job);

// Ids of the pictures that are kept for later steps only.
std::vector<std::string> step_artifacts(const Job& job);

}  // namespace atelier::domain
