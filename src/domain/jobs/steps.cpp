#include "domain/jobs/steps.h"

#include <algorithm>
#include <utility>

#include "card/all_tasks.h"
#include "card/composite.h"
#include "platform/check.h"

namespace atelier::domain {
namespace {

Error error_of_step(const card::TaskInput& input, const std::vector<card::Step>& steps,
                    std::size_t index, const Error& error) {
  const auto& step = steps[index];
  auto field = error.field();
  if (const auto named = step.fields.find(field); named != step.fields.end()) {
    field = named->second;
  }
  const auto* task = input.task();
  const bool own = task != nullptr && (card::find_parameter(task->parameters, field) != nullptr ||
                                       card::find_attachment(*task, field) != nullptr);
  std::string sentence = "step " + std::to_string(index + 1) + " of " +
                         std::to_string(steps.size()) + " (" + step.title + "): ";
  if (!own && !field.empty()) sentence += field + ": ";
  return {error.code(), own ? field : "", sentence + error.what()};
}

// "" when it made none.
std::string picture_of(const JobResult& result) {
  const auto found = std::ranges::find_if(
      result.outputs, [](const JobOutput& output) { return !output.artifact.empty(); });
  return found == result.outputs.end() ? "" : found->artifact;
}

// "" when there is none.
std::string artifact_of(const Job& job, const card::StepSource& source) {
  if (source.step) {
    const auto index = static_cast<std::size_t>(*source.step);
    return index < job.finished_steps.size() ? picture_of(job.finished_steps[index]) : "";
  }
  const auto sent = job.input.attachments.find(source.role);
  return sent == job.input.attachments.end() ? "" : sent->second;
}

}  // namespace

std::vector<card::Step> plan_steps(const card::TaskInput& input, const card::PictureSizes& sizes,
                                   const ResolveStep& resolve) {
  auto steps = input.task()->steps(input, sizes);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (const auto& [role, source] : steps[i].attachments) {
      CHECK(!source.step || (*source.step >= 0 && *source.step < static_cast<int>(i)));
    }
    try {
      steps[i].input = resolve(steps[i].input, card::roles_of(steps[i].attachments));
    } catch (const Error& error) {
      throw error_of_step(input, steps, i, error);
    }
  }
  return steps;
}

std::size_t runs_of(const Job& job) { return std::max<std::size_t>(1, job.input.steps.size()); }

JobInput next_run(const Job& job) {
  const auto& steps = job.input.steps;
  if (steps.empty()) return job.input;
  const auto index = job.finished_steps.size();
  CHECK(index < steps.size());
  JobInput run;
  run.parameters = steps[index].input;
  for (const auto& [role, source] : steps[index].attachments) {
    run.attachments[role] = artifact_of(job, source);
    if (!run.attachments[role].empty()) continue;
    throw Error(ErrorCode::kInternal,
                "the picture for '" + role + "' of this step is missing: retry the job");
  }
  return run;
}

std::string model_of_next_run(const Job& job) {
  const auto& steps = job.input.steps;
  if (steps.empty()) return job.input.parameters.text(card::kModelMember);
  const auto index = std::min(job.finished_steps.size(), steps.size() - 1);
  return steps[index].input.text(card::kModelMember);
}

std::string task_of_next_run(const Job& job) {
  const auto& steps = job.input.steps;
  if (steps.empty()) return job.input.task();
  return steps[std::min(job.finished_steps.size(), steps.size() - 1)].input.task_id();
}

card::Work work_of_next_run(const Job& job) {
  const auto& work = job.input.work;
  return job.finished_steps.size() < work.size() ? work[job.finished_steps.size()] : card::Work{};
}

std::string part_of(const Job& job) {
  const auto& steps = job.input.steps;
  if (steps.empty()) return "";
  const auto index = std::min(job.finished_steps.size(), steps.size() - 1);
  return steps[index].title + " (" + std::to_string(index + 1) + " of " +
         std::to_string(steps.size()) + ")";
}

Error error_of_run(const Job& job, const Error& error) {
  const auto index = job.finished_steps.size();
  if (index >= job.input.steps.size()) return error;
  return error_of_step(job.input.parameters, job.input.steps, index, error);
}

JobResult composed(const Job& job) {
  const auto& finished = job.finished_steps;
  CHECK(!finished.empty() && finished.size() == job.input.steps.size());
  card::CompositeFacts facts{{}, job.input.warnings};
  JobResult result;
  result.outputs = finished.back().outputs;
  for (std::size_t i = 0; i < finished.size(); ++i) {
    const auto& step = job.input.steps[i];
    facts.steps.push_back({step.title, step.input.task_id(), finished[i].used.members()});
    for (auto& warning : finished[i].used.warnings()) facts.warnings.push_back(std::move(warning));
    for (const auto& [stage, ms] : finished[i].timing) result.timing[stage] += ms;
  }
  result.used = card::stored_facts(job.input.task(), json::parse(json::write_json(facts)));
  return result;
}

std::vector<std::string> step_artifacts(const Job& job) {
  std::vector<std::string> ids;
  const auto intermediate = std::min(job.finished_steps.size(), runs_of(job) - 1);
  for (std::size_t i = 0; i < intermediate; ++i) {
    for (auto& id : job.finished_steps[i].artifacts()) ids.push_back(std::move(id));
  }
  return ids;
}

}  // namespace atelier::domain
