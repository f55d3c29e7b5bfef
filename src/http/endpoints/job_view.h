// A job as the native API shows it. Used by jobs.cpp for replies and for events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "card/generation_json.h"
#include "domain/jobs/job.h"
#include "json/describe.h"

namespace atelier::http {

struct ProgressView {
  std::string stage;
  int step = 0, total = 0;
  double fraction = 0, eta_seconds = 0, steps_per_second = 0;
  std::string preview_artifact;
};
BOOST_DESCRIBE_STRUCT(ProgressView, (),
                      (stage, step, total, fraction, eta_seconds, steps_per_second,
                       preview_artifact))

// JavaScript rounds large numbers: beside each seed stands its text.
struct UsedView : card::GenerationUsed {
  std::string seed_text;
};
BOOST_DESCRIBE_STRUCT(UsedView, (card::GenerationUsed), (seed_text))

struct ResultView {
  std::vector<std::string> artifacts;  // GET /api/v1/artifacts/{id}
  UsedView used;
  card::GenerationTiming timing;
};
BOOST_DESCRIBE_STRUCT(ResultView, (), (artifacts, used, timing))

struct FailureView {
  std::string code, sentence;
};
BOOST_DESCRIBE_STRUCT(FailureView, (), (code, sentence))

struct InputView : card::GenerationInput {
  std::optional<std::string> seed_text;
  std::string image_artifact, mask_artifact;
};
BOOST_DESCRIBE_STRUCT(InputView, (card::GenerationInput),
                      (seed_text, image_artifact, mask_artifact))

struct JobView {
  std::string id, kind, state, client;
  int priority = 0, attempt = 0;
  std::int64_t created_ms = 0, started_ms = 0, finished_ms = 0;
  std::string reason;
  std::vector<std::string> warnings;  // sentences: what of the request was ignored or changed
  InputView input;
  ProgressView progress;
  std::optional<ResultView> result;
  std::optional<FailureView> failure;
};
BOOST_DESCRIBE_STRUCT(JobView, (),
                      (id, kind, state, client, priority, attempt, created_ms, started_ms,
                       finished_ms, reason, warnings, input, progress, result, failure))

JobView view_of(const domain::Job& job);

}  // namespace atelier::http
