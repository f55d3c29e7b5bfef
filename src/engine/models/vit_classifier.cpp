// The family of timm's plain vision transformers that choose one label: Marqo's NSFW classifier
// (vit_tiny_patch16_384) and others of the kind, as a folder with timm's config.json and the
// weights. Reference and preparation of pictures: vit.h (timm, Apache-2.0).
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <utility>

#include "engine/image/pixels.h"
#include "engine/models/component_loader.h"
#include "engine/models/image_classifier.h"
#include "engine/models/vit.h"
#include "media/image/convert.h"
#include "media/image/resample.h"
#include "platform/check.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

constexpr const char* kId = "vit_classifier";

[[noreturn]] void refuse(const CheckpointFiles& files, const std::string& what) {
  throw Error(ErrorCode::kUnsupported, files.path().string() + ": " + what);
}

// ---- Pictures

// timm's names for Pillow's filters.
std::optional<media::Filter> filter_of(const VitConfig& config) {
  static const std::map<std::string, media::Filter, std::less<>> filters = {
      {"bicubic", media::Filter::kBicubic},
      {"bilinear", media::Filter::kBilinear},
      {"lanczos", media::Filter::kLanczos},
      {"box", media::Filter::kBox}};
  const auto found = filters.find(config.interpolation);
  return found == filters.end() ? std::nullopt : std::optional(found->second);
}

// The shorter side before the middle is cut out.
double resized_side(const VitConfig& config) {
  return std::floor(static_cast<double>(config.image_size) / config.crop_fraction);
}

// The middle image_size x image_size of the resized picture.
media::Image middle_of(const media::Image& picture, const VitConfig& config,
                       const std::function<void()>& check) {
  const auto side = static_cast<std::int64_t>(resized_side(config));
  const std::int64_t shorter = std::min(picture.width, picture.height);
  const auto resized = [&](std::int64_t length) {
    return static_cast<int>(side * length / shorter);
  };
  const int width = resized(picture.width), height = resized(picture.height);
  const int size = static_cast<int>(config.image_size);
  // Python's round(): halves to even.
  const auto offset = [&](int length) {
    return static_cast<int>(std::nearbyint((length - size) / 2.0));
  };
  const auto filter = filter_of(config);
  CHECK(filter);  // others were refused when the model was detected
  return media::resize_region(picture, width, height, {offset(width), offset(height), size, size},
                              *filter, check);
}

Tensor prepared(const media::Image& picture, const VitConfig& config,
                const std::function<void()>& check) {
  media::check_image(picture);
  const Tensor values =
      picture_values(picture.channels == 3 ? middle_of(picture, config, check)
                                           : middle_of(media::to_rgb(picture), config, check));
  const auto channels = [](const std::array<double, 3>& numbers) {
    return at::tensor(at::ArrayRef<double>(numbers.data(), numbers.size()), at::kFloat)
        .reshape({1, 3, 1, 1});
  };
  return (values / 255 - channels(config.mean)) / channels(config.deviation);
}

// ---- The model

class VitClassifier final : public Model, public ImageClassifier {
 public:
  VitClassifier(LoadedFiles files, std::unique_ptr<Vit> net, ClassifierFacts facts,
                at::ScalarType dtype)
      : Model(std::move(files)), net_(std::move(net)), facts_(std::move(facts)), dtype_(dtype) {}

  const ClassifierFacts& facts() const override { return facts_; }
  at::ScalarType dtype() const override { return dtype_; }
  std::vector<double> scores(const media::Image& picture,
                             const std::function<void()>& check) const override {
    const Tensor pictures = prepared(picture, net_->config(), check);
    return checked_scores(at::softmax(net_->forward(pictures, check), 1));
  }

 private:
  std::unique_ptr<Vit> net_;
  ClassifierFacts facts_;
  at::ScalarType dtype_;
};

// ---- Files

constexpr double kResizedMax = 4096;  // far above every published model

void check_supported(const CheckpointFiles& files, const VitConfig& config) {
  if (config.channels != 3) {
    refuse(files, "takes pictures of " + std::to_string(config.channels) +
                      " channels: choose a model for RGB pictures");
  }
  if (!filter_of(config)) {
    refuse(files, "resizes pictures with the filter '" + config.interpolation +
                      "', which is not known here: choose another model");
  }
  if (!(resized_side(config) <= kResizedMax)) {
    refuse(files, "resizes pictures to more than " + std::to_string(static_cast<int>(kResizedMax)) +
                      " pixels: choose another model");
  }
}

VitConfig config_of(const CheckpointFiles& files) {
  const auto& tensors = files.weights()->tensors();
  std::optional<VitConfig> config = recognise_vit(tensors);
  if (!config) {
    refuse(files,
           "its config.json names a vision transformer, but its tensors are not those of "
           "timm's plain one: " +
               describe_vit_mismatch(tensors) + ": fetch the model again, or choose another one");
  }
  if (!files.config().contains("pretrained_cfg")) {
    refuse(files,
           "its config.json lacks 'pretrained_cfg', which says how pictures are prepared: "
           "fetch the model again");
  }
  config->read_json(files.config());
  check_supported(files, *config);
  return *config;
}

ClassifierFacts facts_of(const VitConfig& config, const boost::json::object& card) {
  ClassifierFacts facts{config.labels, ""};
  if (facts.labels.empty()) {
    for (std::int64_t i = 0; i < config.classes; ++i) {
      facts.labels.push_back("class " + std::to_string(i));
    }
  }
  facts.flagged = flagged_label(facts.labels, card);
  return facts;
}

bool is_known(const CheckpointFiles& files) {
  switch (files.kind()) {
    case CheckpointFiles::Kind::kDiffusersFolder:
      return false;
    case CheckpointFiles::Kind::kSingleFile:
      if (!recognise_vit(files.weights()->tensors())) return false;
      refuse(files,
             "is a vision transformer without its configuration: put it into a folder of "
             "its own as model.safetensors, with its config.json beside it");
    case CheckpointFiles::Kind::kTransformersFolder:
      break;
  }
  return text_or(files.config(), "architecture", "").starts_with("vit_");
}

std::optional<DetectedModel> detect(const CheckpointFiles& files) {
  if (!is_known(files)) return std::nullopt;
  const VitConfig config = config_of(files);
  if (std::filesystem::exists(files.path() / "selected_tags.csv")) {
    refuse(files,
           "rates many tags apart from each other (selected_tags.csv): taggers are not "
           "supported yet, choose a classifier");
  }
  DetectedModel model;
  model.layout = files.one_component("VisionTransformer");
  model.card = card_of_files(files.id(), model.layout);
  model.card.family = kId;
  model.card.capabilities = {"classify"};
  model.facts.set(facts_of(config, model.layout.card));
  model.facts.set(config);
  return model;
}

std::unique_ptr<Model> load(const DetectedModel& model, const LoadOptions& options) {
  const auto* config = model.facts.find<VitConfig>();
  const auto* facts = model.facts.find<ClassifierFacts>();
  CHECK(config != nullptr && facts != nullptr);
  ComponentLoader loader(model, options);
  auto net = loader.load<Vit>("model", "network", *config, options.bind.dtype);
  return std::make_unique<VitClassifier>(loader.loaded_files(), std::move(net), *facts,
                                         options.bind.dtype);
}

}  // namespace

ModelFamily vit_classifier_family() { return {kId, "timm ViT classifiers", detect, load}; }

}  // namespace atelier::engine
