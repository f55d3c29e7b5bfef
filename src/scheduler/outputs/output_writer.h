// How an output of a job is kept: one writer per kind (outputs/<kind>.cpp), listed in
// all_outputs.cpp. Called on a thread of the media pool, which owns the decoder meanwhile. Failures
// of the decoder and of the disk: Error.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "card/task.h"
#include "domain/artifacts/artifact_store.h"
#include "domain/jobs/job.h"
#include "media/image/image.h"
#include "scheduler/decoder.h"

namespace atelier::scheduler {

// As the worker made it; its kind says which member it has.
struct MadeOutput {
  std::string kind;
  std::optional<media::Image> picture;
  boost::json::value value;
};

struct OutputContext {
  Decoder& decoder;
  domain::ArtifactStore& artifacts;
  const std::string& job;             // id
  const card::TaskDescription& task;  // of the job
  const card::TaskFacts& facts;       // with the station's additions
  // kStep: a later step of the job takes it.
  domain::ArtifactOrigin origin = domain::ArtifactOrigin::kMade;
  int index = 0;  // among the outputs of the job
};

struct OutputWriter {
  std::string_view kind;
  domain::JobOutput (*write)(const OutputContext& context, const MadeOutput& output);
};

// Null: an output of that kind is kept as its value.
const OutputWriter* find_output_writer(std::string_view kind);

domain::JobOutput keep_output(const OutputContext& context, MadeOutput output);

}  // namespace atelier::scheduler
