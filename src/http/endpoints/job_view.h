// A job as the native API shows it. Used by jobs.cpp for replies and for events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "card/task.h"
#include "card/tasks/generate.h"
#include "domain/jobs/job.h"
#include "http/schema.h"
#include "json/describe.h"

namespace atelier::http {

struct ProgressView {
  std::string stage;
  int step = 0, total = 0;
  double fraction = 0, eta_seconds = 0, steps_per_second = 0;
  std::string preview_artifact;
  std::string part;  // of a job of several runs: "Refine (2 of 2)"; else ""
  std::string text;  // streamed so far by the run; "" in events and lists
};
BOOST_DESCRIBE_STRUCT(ProgressView, (),
                      (stage, step, total, fraction, eta_seconds, steps_per_second,
                       preview_artifact, part, text))

struct OutputView {
  std::string kind;                  // "picture", "text", "labels", …
  std::string artifact, media_type;  // GET /api/v1/artifacts/{id}; "": the output is a value
  boost::json::value value;
};
BOOST_DESCRIBE_STRUCT(OutputView, (), (kind, artifact, media_type, value))

struct ResultView {
  std::vector<std::string> artifacts;  // of the outputs that have one
  std::vector<OutputView> outputs;
  boost::json::value used;  // the facts of the task, and `seed_text` where they have a seed
  card::Timing timing;
};
BOOST_DESCRIBE_STRUCT(ResultView, (), (artifacts, outputs, used, timing))

struct FailureView {
  std::string code, sentence;
  std::string field;  // "/input/steps": what of the request it is about; "" is none
};
BOOST_DESCRIBE_STRUCT(FailureView, (), (code, sentence, field))

struct JobView {
  std::string id, task;
  std::string kind;  // the same as `task`, an older name
  std::string state, client;
  int priority = 0, attempt = 0;
  std::int64_t created_ms = 0, started_ms = 0, finished_ms = 0;
  std::string repeat_of;  // id of the ended job that this one runs again; "" is none
  std::string reason;
  std::vector<std::string>
      warnings;  // sentences: parts of the request that were ignored or changed
  // The members of the task's input, `seed_text` where it has a seed, and `<role>_artifact` of each
  // attachment that the task takes ("": none was sent).
  boost::json::value input;
  ProgressView progress;
  std::optional<ResultView> result;
  std::optional<FailureView> failure;
};
BOOST_DESCRIBE_STRUCT(JobView, (),
                      (id, task, kind, state, client, priority, attempt, created_ms, started_ms,
                       finished_ms, repeat_of, reason, warnings, input, progress, result, failure))

// How the document shows `input` and `used`: as those of the task `generate`. JavaScript rounds
// large numbers: each seed is also sent as text.
struct InputView : card::GenerationInput {
  std::optional<std::string> seed_text;
  std::string image_artifact, mask_artifact;
};
BOOST_DESCRIBE_STRUCT(InputView, (card::GenerationInput),
                      (seed_text, image_artifact, mask_artifact))

struct UsedView : card::GenerationUsed {
  std::string seed_text;
};
BOOST_DESCRIBE_STRUCT(UsedView, (card::GenerationUsed), (seed_text))

JobView view_of(const domain::Job& job);

// Gives the JobView in the book the schemas of its `input` and `used`.
void document_job(SchemaBook& book);

// Of a T that is a JobView or holds some.
template <class T>
Schema schema_with_jobs() {
  return [](SchemaBook& book) {
    auto reference = schema_detail::write<T>(book);
    document_job(book);
    return reference;
  };
}

}  // namespace atelier::http
