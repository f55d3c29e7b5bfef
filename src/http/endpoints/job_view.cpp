#include "http/endpoints/job_view.h"

#include <utility>

#include "domain/jobs/field_names.h"

namespace atelier::http {
namespace {

namespace bj = boost::json;

// JavaScript rounds large numbers: each seed is also sent as text.
void add_seed_text(bj::object& members) {
  const auto* seed = members.if_contains(card::kSeedMember);
  if (seed == nullptr) return;
  bj::value text;  // null until the seed is drawn
  if (!seed->is_null()) {
    std::string digits;
    json::append_value(digits, *seed);
    text = digits;
  }
  members["seed_text"] = std::move(text);
}

bj::object input_of(const domain::JobInput& input) {
  auto members = input.parameters.members();
  add_seed_text(members);
  if (const auto* task = input.parameters.task()) {
    for (const auto& attachment : task->attachments) members[attachment.role + "_artifact"] = "";
  }
  for (const auto& [role, artifact] : input.attachments) members[role + "_artifact"] = artifact;
  return members;
}

ResultView result_of(const domain::JobResult& result) {
  ResultView view;
  view.artifacts = result.artifacts();
  for (const auto& output : result.outputs) {
    view.outputs.push_back({output.kind, output.artifact, output.media_type, output.value});
  }
  auto used = result.used.members();
  add_seed_text(used);
  view.used = std::move(used);
  view.timing = result.timing;
  return view;
}

}  // namespace

JobView view_of(const domain::Job& job) {
  JobView view;
  view.id = job.id;
  view.task = view.kind = job.input.task();
  view.state = domain::job_state_name(job.state);
  view.client = job.client;
  view.repeat_of = job.repeat_of;
  view.priority = job.priority;
  view.attempt = job.attempt;
  view.created_ms = job.created_ms;
  view.started_ms = job.started_ms;
  view.finished_ms = job.finished_ms;
  view.reason = job.reason;
  view.warnings = job.input.warnings;
  view.input = input_of(job.input);
  const auto& progress = job.progress;
  view.progress = {progress.stage,
                   progress.step,
                   progress.total,
                   progress.fraction,
                   progress.eta_seconds,
                   progress.steps_per_second,
                   progress.preview_artifact,
                   progress.part,
                   progress.text};
  if (job.result) view.result = result_of(*job.result);
  if (const auto& failure = job.failure) {
    view.failure =
        FailureView{std::string{error_code_name(failure->code)}, failure->sentence,
                    failure->field.empty() ? "" : domain::FieldNames{}.of(failure->field)};
  }
  return view;
}

void document_job(SchemaBook& book) {
  auto input = schema_detail::write<InputView>(book);
  auto used = schema_detail::write<UsedView>(book);
  book.at("JobView").at("properties").as_object()["input"] = std::move(input);
  book.at("ResultView").at("properties").as_object()["used"] = std::move(used);
}

}  // namespace atelier::http
