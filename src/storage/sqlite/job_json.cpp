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

struct InputRow {
  boost::json::value parameters;
  std::map<std::string, std::string> attachments;
  std::vector<std::string> warnings;
};
BOOST_DESCRIBE_STRUCT(InputRow, (), (parameters, attachments, warnings))

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

std::string write_input(const domain::JobInput& input) {
  return json::write_json(InputRow{input.parameters.members(), input.attachments, input.warnings});
}

domain::JobInput read_input(const std::string& task, const std::string& text) {
  auto row = json::read_json<InputRow>(text);
  return {card::stored_input(task, row.parameters), std::move(row.attachments),
          std::move(row.warnings)};
}

std::string write_result(const domain::JobResult& result) {
  ResultRow row{{}, result.used.members(), {}};
  for (const auto& [stage, ms] : result.timing) row.timing[stage] = ms;
  for (const auto& output : result.outputs) {
    row.outputs.push_back({output.kind, output.artifact, output.media_type, output.value});
  }
  return json::write_json(row);
}

domain::JobResult read_result(const std::string& task, const std::string& text) {
  auto row = json::read_json<ResultRow>(text);
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

}  // namespace atelier::storage
