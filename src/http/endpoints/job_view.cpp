#include "http/endpoints/job_view.h"

namespace atelier::http {

JobView view_of(const domain::Job& job) {
  JobView view;
  view.id = job.id;
  view.kind = job.input.kind;
  view.state = domain::job_state_name(job.state);
  view.client = job.client;
  view.priority = job.priority;
  view.attempt = job.attempt;
  view.created_ms = job.created_ms;
  view.started_ms = job.started_ms;
  view.finished_ms = job.finished_ms;
  view.reason = job.reason;
  view.warnings = job.input.warnings;
  static_cast<card::GenerationInput&>(view.input) = job.input.generation;
  if (view.input.seed) view.input.seed_text = std::to_string(*view.input.seed);
  view.input.image_artifact = job.input.image_artifact;
  view.input.mask_artifact = job.input.mask_artifact;
  const auto& progress = job.progress;
  view.progress = {progress.stage,           progress.step,        progress.total,
                   progress.fraction,        progress.eta_seconds, progress.steps_per_second,
                   progress.preview_artifact};
  if (job.result) {
    const auto& used = job.result->used;
    view.result =
        ResultView{job.result->artifacts, {used, std::to_string(used.seed)}, job.result->timing};
  }
  if (job.failure) {
    view.failure =
        FailureView{std::string{error_code_name(job.failure->code)}, job.failure->sentence};
  }
  return view;
}

}  // namespace atelier::http
