// The family of Yahoo's open_nsfw, from its ONNX file. Reference and preparation of pictures:
// open_nsfw.h (Yahoo, BSD-2-Clause).
#include <cmath>
#include <utility>

#include "engine/image/pixels.h"
#include "engine/models/component_loader.h"
#include "engine/models/image_classifier.h"
#include "engine/models/open_nsfw.h"
#include "engine/weights/onnx_initialisers.h"
#include "media/image/convert.h"
#include "media/image/resample.h"
#include "platform/check.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

constexpr const char* kId = "open_nsfw";

// Resized to 256x256 where the network takes 224x224, and so in proportion; the middle is cut out.
media::Image middle_of(const media::Image& picture, const OpenNsfwConfig& config,
                       const std::function<void()>& check) {
  const int size = static_cast<int>(config.image_size);
  const int resized = size * 256 / 224;
  const int offset = (resized - size) / 2;
  return media::resize_region(picture, resized, resized, {offset, offset, size, size},
                              media::Filter::kBilinear, check);
}

Tensor prepared(const media::Image& picture, const OpenNsfwConfig& config,
                const std::function<void()>& check) {
  media::check_image(picture);
  const Tensor values =
      picture_values(picture.channels == 3 ? middle_of(picture, config, check)
                                           : middle_of(media::to_rgb(picture), config, check));
  const Tensor mean = at::tensor({104.0F, 117.0F, 123.0F}).reshape({1, 3, 1, 1});
  return values.flip(1) - mean;  // blue, green, red
}

class OpenNsfwClassifier final : public Model, public ImageClassifier {
 public:
  OpenNsfwClassifier(LoadedFiles files, std::unique_ptr<OpenNsfw> net, ClassifierFacts facts,
                     at::ScalarType dtype)
      : Model(std::move(files)), net_(std::move(net)), facts_(std::move(facts)), dtype_(dtype) {}

  const ClassifierFacts& facts() const override { return facts_; }
  at::ScalarType dtype() const override { return dtype_; }
  std::vector<double> scores(const media::Image& picture,
                             const std::function<void()>& check) const override {
    return checked_scores(net_->forward(prepared(picture, net_->config(), check), check));
  }

 private:
  std::unique_ptr<OpenNsfw> net_;
  ClassifierFacts facts_;
  at::ScalarType dtype_;
};

std::optional<DetectedModel> detect(const CheckpointFiles& files) {
  if (files.kind() != CheckpointFiles::Kind::kSingleFile) return std::nullopt;
  const auto weights = files.weights();
  if (weights->format() != "onnx") return std::nullopt;
  CHECK(!weights->maps().empty());
  const auto file =
      recognise_open_nsfw(parse_onnx(weights->maps().front()->bytes(), files.path().string()));
  if (!file) return std::nullopt;
  ClassifierFacts facts{{"sfw", "nsfw"}, ""};
  if (file->config.classes != static_cast<std::int64_t>(facts.labels.size())) {
    throw Error(ErrorCode::kUnsupported,
                files.path().string() + ": rates " + std::to_string(file->config.classes) +
                    " labels, whose names are not in the file; open_nsfw has 2: fetch it again");
  }
  DetectedModel model;
  model.layout = files.one_component("OpenNsfw");
  model.layout.components.at("model").weights = view_of(weights, file->names);
  facts.flagged = flagged_label(facts.labels, model.layout.card);
  model.card = card_of_files(files.id(), model.layout);
  model.card.family = kId;
  model.card.capabilities = {"classify"};
  model.facts.set(std::move(facts));
  model.facts.set(file->config);
  return model;
}

std::unique_ptr<Model> load(const DetectedModel& model, const LoadOptions& options) {
  const auto* config = model.facts.find<OpenNsfwConfig>();
  const auto* facts = model.facts.find<ClassifierFacts>();
  CHECK(config != nullptr && facts != nullptr);
  ComponentLoader loader(model, options);
  auto net = loader.load<OpenNsfw>("model", "network", *config, options.bind.dtype);
  return std::make_unique<OpenNsfwClassifier>(loader.loaded_files(), std::move(net), *facts,
                                              options.bind.dtype);
}

}  // namespace

ModelFamily open_nsfw_family() { return {kId, "open_nsfw", detect, load}; }

}  // namespace atelier::engine
