#include "storage/sqlite/job_json.h"

#include <boost/describe.hpp>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "card/all_tasks.h"
#include "json/describe.h"

namespace atelier::storage {
namespace {

struct SourceRow {
  std::optional<int> step;
  std::string role;
};
BOOST_DESCRIBE_STRUCT(SourceRow, (), (step, role))

struct StepRow {
  std::string title, task;
  boost::json::value parameters;
  std::map<std::string, SourceRow> attachments;
  std::map<std::string, std::string> fields;
};
BOOST_DESCRIBE_STRUCT(StepRow, (), (title, task, parameters, attachments, fields))

struct WorkRow {
  double pixels = 1, steps = 1;
};
BOOST_DESCRIBE_STRUCT(WorkRow, (), (pixels, steps))

struct InputRow {
  boost::json::value parameters;
  std::map<std::string, std::string> attachments;
  std::vector<std::string> warnings;
  std::vector<StepRow> steps;  // of a composite task
  std::vector<WorkRow> work;
  std::string memory_mode;
};
BOOST_DESCRIBE_STRUCT(InputRow, (), (parameters, attachments, warnings, steps, work, memory_mode))

struct OutputRow {
  std::string kind, artifact, media_type;
  boost::json::value value;
};
BOOST_DESCRIBE_STRUCT(OutputRow, (), (kind, artifact, media_type, value))

struct ResultRow {
  std::vector<OutputRow> outputs;
  boost::json::value used;
  std::map<std::string, std::optional<double>> timing;  // null: it was not finite
};
BOOST_DESCRIBE_STRUCT(ResultRow, (), (outputs, used, timing))

}  // namespace

namespace {

StepRow row_of(const card::Step& step) {
  StepRow row{step.title, step.input.task_id(), step.input.members(), {}, step.fields};
  for (const auto& [role, source] : step.attachments) {
    row.attachments[role] = {source.step, source.role};
  }
  return row;
}

card::Step step_of(StepRow row) {
  card::Step step{.title = std::move(row.title),
                  .input = card::stored_input(row.task, row.parameters),
                  .fields = std::move(row.fields)};
  for (auto& [role, source] : row.attachments) {
    step.attachments[role] = {source.step, std::move(source.role)};
  }
  return step;
}

ResultRow row_of(const domain::JobResult& result) {
  ResultRow row{{}, result.used.members(), {}};
  for (const auto& [stage, ms] : result.timing) row.timing[stage] = ms;
  for (const auto& output : result.outputs) {
    row.outputs.push_back({output.kind, output.artifact, output.media_type, output.value});
  }
  return row;
}

domain::JobResult result_of(const std::string& task, ResultRow row) {
  domain::JobResult result{{}, card::stored_facts(task, row.used), {}};
  for (const auto& [stage, ms] : row.timing) {
    if (ms) result.timing[stage] = *ms;
  }
  for (auto& output : row.outputs) {
    result.outputs.push_back({std::move(output.kind), std::move(output.artifact),
                              std::move(output.media_type), std::move(output.value)});
  }
  return result;
}

}  // namespace

std::string write_input(const domain::JobInput& input) {
  InputRow row{input.parameters.members(), input.attachments, input.warnings, {}, {},
               input.memory_mode};
  for (const auto& step : input.steps) row.steps.push_back(row_of(step));
  for (const auto& work : input.work) row.work.push_back({work.pixels, work.steps});
  return json::write_json(row);
}

domain::JobInput read_input(const std::string& task, const std::string& text) {
  auto row = json::read_json<InputRow>(text);
  domain::JobInput input{card::stored_input(task, row.parameters),
                         std::move(row.attachments),
                         std::move(row.warnings),
                         {},
                         {},
                         {}};
  for (auto& step : row.steps) input.steps.push_back(step_of(std::move(step)));
  for (const auto& work : row.work) input.work.push_back({work.pixels, work.steps});
  input.memory_mode = std::move(row.memory_mode);
  return input;
}

std::string write_steps(const domain::Job& job) {
  std::vector<ResultRow> rows;
  for (const auto& result : job.finished_steps) rows.push_back(row_of(result));
  return json::write_json(rows);
}

std::vector<domain::JobResult> read_steps(const domain::JobInput& input, const std::string& text) {
  auto rows = json::read_json<std::vector<ResultRow>>(text);
  // The end of the last one is the end of the job.
  if (rows.size() >= input.steps.size()) {
    throw Error(ErrorCode::kCorruptData, "too many of its steps have finished");
  }
  std::vector<domain::JobResult> results;
  for (auto& row : rows) {
    results.push_back(result_of(input.steps[results.size()].input.task_id(), std::move(row)));
  }
  return results;
}

std::string write_result(const domain::JobResult& result) {
  return json::write_json(row_of(result));
}

domain::JobResult read_result(const std::string& task, const std::string& text) {
  return result_of(task, json::read_json<ResultRow>(text));
}

}  // namespace atelier::storage
