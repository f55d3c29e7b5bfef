// The media of a job: attachments for the worker, outputs and facts of its result. The functions
// with a decoder are called on a thread of the media pool. Failures of the decoder and of the
// stores: Error.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "domain/artifacts/artifact_store.h"
#include "domain/jobs/job.h"
#include "protocol/messages.h"
#include "scheduler/outputs/output_writer.h"

namespace atelier::scheduler {

// The attachments of a job for the worker, and their pixels in `parts`.
std::map<std::string, std::vector<protocol::FrameRef>> load_attachments(
    Decoder& decoder, domain::ArtifactStore& artifacts, const domain::JobInput& input,
    std::vector<protocol::Bytes>& parts);

// In the order in which they were made.
std::vector<domain::JobOutput> keep_outputs(OutputContext context,
                                            const std::vector<MadeOutput>& made);

// Of a job that has ended: removes what its steps made for later ones, from the disk and from the
// job.
void remove_steps(domain::ArtifactStore& artifacts, domain::Job& job);

// The worker's facts with the station's additions: the warnings of the request, and the colour
// behind transparent parts.
card::TaskFacts facts_of(const domain::JobInput& input, const protocol::RunReply& reply);

}  // namespace atelier::scheduler
