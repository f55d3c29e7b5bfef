#include "scheduler/job_media.h"

#include <boost/json.hpp>
#include <utility>

#include "card/all_tasks.h"
#include "domain/jobs/attachment_rules.h"
#include "domain/jobs/steps.h"
#include "media/image/colour.h"

namespace atelier::scheduler {

std::vector<domain::JobOutput> keep_outputs(OutputContext context,
                                            const std::vector<MadeOutput>& made) {
  std::vector<domain::JobOutput> outputs;
  for (const auto& output : made) {
    context.index = static_cast<int>(outputs.size());
    outputs.push_back(keep_output(context, output));
  }
  return outputs;
}

std::map<std::string, std::vector<protocol::FrameRef>> load_attachments(
    Decoder& decoder, domain::ArtifactStore& artifacts, const domain::JobInput& input,
    std::vector<protocol::Bytes>& parts) {
  std::map<std::string, std::vector<protocol::FrameRef>> pictures;
  for (const auto& [role, id] : input.attachments) {
    const auto* attachment = card::find_attachment(*input.parameters.task(), role);
    const auto matte =
        attachment == nullptr ? std::nullopt : domain::matte_of(*attachment, input.parameters);
    const int frames_max = attachment == nullptr ? 1 : attachment->frames_max;
    auto decoded = decoder.decode(artifacts.get(id).bytes, matte, frames_max);
    auto& frames = pictures[role];
    frames.push_back(
        {protocol::add_picture(parts, std::move(decoded.image)), 0, decoded.frames_total});
    for (auto& frame : decoded.later_frames) {
      frames.push_back(
          {protocol::add_picture(parts, std::move(frame.image)), frame.number, frame.total});
    }
  }
  return pictures;
}

void remove_steps(domain::ArtifactStore& artifacts, domain::Job& job) {
  for (const auto& id : domain::step_artifacts(job)) artifacts.remove_step(id);
  job.finished_steps.clear();
}

card::TaskFacts facts_of(const domain::JobInput& input, const protocol::RunReply& reply) {
  const auto& task = *input.parameters.task();
  auto facts = reply.facts.is_object() ? reply.facts.get_object() : boost::json::object{};
  for (const auto& attachment : task.attachments) {
    if (attachment.transparency != card::Transparency::kOnMatte) continue;
    if (!input.attachments.contains(attachment.role)) continue;
    if (const auto matte = domain::matte_of(attachment, input.parameters)) {
      facts[card::kMatteMember] = media::text_of(*matte);
    }
  }
  boost::json::array warnings;
  for (const auto& warning : input.warnings) warnings.emplace_back(warning);
  if (const auto* made = facts.if_contains("warnings"); made != nullptr && made->is_array()) {
    for (const auto& each : made->get_array()) warnings.push_back(each);
  }
  facts["warnings"] = std::move(warnings);
  return card::stored_facts(task.id, facts);
}

}  // namespace atelier::scheduler
