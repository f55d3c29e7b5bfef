// A picture becomes a PNG with the texts that its task writes about how it was made.
#include <vector>

#include "platform/error.h"
#include "scheduler/outputs/all_outputs.h"

namespace atelier::scheduler {
namespace {

domain::JobOutput write(const OutputContext& context, const MadeOutput& output) {
  if (!output.picture)
    throw Error(ErrorCode::kInternal, "the worker sent a picture without pixels");
  std::vector<protocol::TextEntry> texts;
  if (context.task.picture_texts) {
    for (auto& [key, text] :
         context.task.picture_texts(context.job, context.facts, context.index)) {
      texts.push_back({key, std::move(text)});
    }
  }
  // So that two jobs never share a picture that goes with one of them.
  if (context.origin == domain::ArtifactOrigin::kStep)
    texts.push_back({"atelier_step", context.job});
  const auto encoded = context.decoder.encode(*output.picture, "png", texts);
  const auto id = context.artifacts.put(encoded.bytes, encoded.media_type, context.origin);
  return {output.kind, id, encoded.media_type, {}};
}

}  // namespace

OutputWriter picture_writer() { return {"picture", write}; }

}  // namespace atelier::scheduler
