#include "worker/fake_any_task.h"

#include <algorithm>

#include "card/tasks/classify.h"
#include "media/image/resample.h"
#include "platform/error.h"

namespace atelier::worker {
namespace {

constexpr int kSteps = 4;
constexpr auto kText = "text of the fake engine";

const media::Image& first_picture(FakeRun& run) {
  for (const auto& attachment : run.input().task()->attachments) {
    if (const auto* image = run.attached(attachment.role)) return *image;
    if (attachment.required) {
      throw Error(ErrorCode::kInvalidArgument, attachment.role, "it is missing: send a picture");
    }
  }
  static const media::Image kNone{8, 8, 3, std::vector<std::uint8_t>(8 * 8 * 3, 128)};
  return kNone;
}

engine::Output output_of(const std::string& kind, const media::Image& picture) {
  if (kind == "picture") {
    return {kind,
            media::resize(picture, picture.width * 2, picture.height * 2, media::Filter::kBilinear),
            ""};
  }
  if (kind == "labels") {
    const double score = static_cast<double>(picture.width % 50) / 100;  // below a half
    return {
        kind,
        {},
        json::write_json(std::vector<card::LabelScore>{{"plain", 1 - score}, {"marked", score}})};
  }
  return {kind, {}, json::write_json(std::string(kText))};
}

}  // namespace

engine::RunResult fake_any_task(FakeRun& run) {
  const auto& picture = first_picture(run);
  engine::RunResult result;
  if (run.input().task()->streams_text) run.stream(kText);
  result.timing["load_ms"] = run.load();
  result.timing["run_ms"] = run.steps(run.input().task()->stage, kSteps, [](int) {});
  for (const auto& kind : run.input().task()->outputs) {
    result.outputs.push_back(output_of(kind, picture));
  }
  result.facts_json = json::write_json(std::map<std::string, std::string>{{"model", run.model()}});
  run.finish();
  return result;
}

}  // namespace atelier::worker
