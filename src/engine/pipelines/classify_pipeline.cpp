// The task `classify`: each frame of a picture through a network that rates labels. The scores of
// one frame are the result: of an animated picture with a model that knows unsafe content, the most
// unsafe one.
#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

#include "card/tasks/classify.h"
#include "engine/models/image_classifier.h"
#include "engine/pipelines/all_pipelines.h"
#include "engine/pipelines/elapsed.h"
#include "engine/tensor/dtype_name.h"
#include "json/describe.h"
#include "platform/check.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

// By how much a frame stands out: the score of the flagged label, without one the highest score.
double prominence(const std::vector<double>& scores, const ClassifierFacts& facts) {
  if (facts.flagged.empty()) return *std::ranges::max_element(scores);
  const auto flagged = std::ranges::find(facts.labels, facts.flagged);
  CHECK(flagged != facts.labels.end());
  return scores[static_cast<std::size_t>(flagged - facts.labels.begin())];
}

struct Classified {
  const media::Frame* frame = nullptr;
  std::vector<double> scores;  // in the order of the model's labels
};

// The frame that stands out most; the first of equal ones.
Classified most_prominent(const std::vector<media::Frame>& frames,
                          const ImageClassifier& classifier, JobObserver& observer) {
  const auto check = [&] {
    if (observer.cancelled()) throw Error(ErrorCode::kCancelled, "the job was cancelled");
  };
  const auto start = std::chrono::steady_clock::now();
  card::Progress progress{.stage = card::classify_task().stage};
  progress.total = static_cast<int>(frames.size());
  check();
  observer.on_progress(progress);
  Classified found;
  for (const media::Frame& frame : frames) {
    check();
    std::vector<double> scores = classifier.scores(frame.image, check);
    const bool first = found.frame == nullptr;
    if (first ||
        prominence(scores, classifier.facts()) > prominence(found.scores, classifier.facts())) {
      found = {&frame, std::move(scores)};
    }
    ++progress.step;
    const double seconds = milliseconds_since(start) / 1000;
    progress.steps_per_second = seconds > 0 ? progress.step / seconds : 0;
    progress.eta_seconds = seconds / progress.step * (progress.total - progress.step);
    observer.on_progress(progress);
  }
  return found;
}

// The highest score first; equal ones in the model's order.
std::vector<card::LabelScore> ranked(const std::vector<std::string>& labels,
                                     const std::vector<double>& scores) {
  std::vector<card::LabelScore> list;
  for (std::size_t i = 0; i < labels.size(); ++i) list.push_back({labels[i], scores[i]});
  std::ranges::stable_sort(list, std::ranges::greater{}, &card::LabelScore::score);
  return list;
}

void check_classifies(const DetectedModel& model) {
  if (model.facts.find<ClassifierFacts>() == nullptr) {
    refuse_capability(model.card, ImageClassifier::kCapability);
  }
}

RunResult run(RunRequest request, PipelineContext& context) {
  const auto input = json::read_json<card::ClassifyInput>(request.input_json);
  const std::vector<media::Frame> frames = take_frames(request, "image");
  if (frames.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "image", "it is missing: send a picture");
  }
  RunResult result;
  auto start = std::chrono::steady_clock::now();
  Model& model = context.load(model_of(request), {.dtype = input.dtype}, check_classifies);
  const auto& classifier = model.capability<ImageClassifier>();
  result.timing["load_ms"] = milliseconds_since(start);

  start = std::chrono::steady_clock::now();
  const Classified found = most_prominent(frames, classifier, context.observer());
  const auto list = ranked(classifier.facts().labels, found.scores);
  result.timing["run_ms"] = milliseconds_since(start);

  card::ClassifyFacts facts;
  facts.model = model.id();
  facts.model_title = model.card().title;
  facts.model_hash = model.content_hash().substr(0, 10);
  facts.label = list.front().label;
  facts.score = list.front().score;
  facts.flagged = classifier.facts().flagged;
  facts.frames = static_cast<int>(frames.size());
  facts.frames_total = found.frame->total;
  facts.frame = found.frame->number;
  facts.source_width = found.frame->image.width;
  facts.source_height = found.frame->image.height;
  facts.dtype = dtype_name(classifier.dtype());
  result.facts_json = json::write_json(facts);
  result.outputs.push_back({"labels", {}, json::write_json(list)});
  return result;
}

std::optional<card::ServedTask> serve(const DetectedModel& model) {
  if (model.facts.find<ClassifierFacts>() == nullptr) return std::nullopt;
  const card::TaskDescription& task = card::classify_task();
  return card::ServedTask{task.id, task.parameters};
}

}  // namespace

Pipeline classify_pipeline() {
  return {card::classify_task().id, "classifying a picture", run, serve};
}

}  // namespace atelier::engine
