// The family of Real-ESRGAN: networks that enlarge pictures, RRDBNet (x4plus, x4plus-anime, x2plus,
// ESRGAN) and SRVGGNetCompact (animevideov3), as single files or as ncnn's pair of `.param` and
// `.bin`. Reference and preparation of pictures: rrdbnet.h and srvgg_compact.h (Real-ESRGAN,
// BSD-3-Clause).
#include <algorithm>
#include <type_traits>
#include <utility>

#include "engine/models/component_loader.h"
#include "engine/models/rrdbnet.h"
#include "engine/models/srvgg_compact.h"
#include "engine/models/upscaler.h"
#include "platform/check.h"
#include "platform/error.h"
#include "platform/files.h"

namespace atelier::engine {
namespace {

constexpr const char* kComponent = "model";
constexpr const char* kTitle = "network";

// ncnn's files say in their layers what others say in names and shapes.
NcnnModel ncnn_model_of(const WeightsFile& weights) {
  const std::string where = weights.path().string();
  const auto param = platform::read_file(where, NcnnLimits::kParamBytesMax);
  CHECK(!weights.tensors().empty());
  return parse_ncnn({reinterpret_cast<const char*>(param.data()), param.size()},
                    weights.map_of(weights.tensors().front())->bytes(), where);
}

// Which of the two networks it is, with its configuration.
struct Network {
  std::optional<RrdbNetFile> rrdbnet;
  std::optional<SrvggCompactFile> compact;

  explicit Network(const WeightsFile& weights) {
    if (weights.format() == "ncnn") {
      recognise(ncnn_model_of(weights));
    } else {
      recognise(weights.tensors());
    }
  }
  bool found() const { return rrdbnet || compact; }
  const TensorNames& names() const {
    if (rrdbnet) return rrdbnet->names;
    CHECK(compact);
    return compact->names;
  }
  // The full network is trained for photographs and everything else, the ones with fewer blocks
  // for drawings, the compact ones for video. With four times the sides it adds the most detail.
  int rank() const {
    if (!rrdbnet) return 0;
    if (rrdbnet->config.blocks < RrdbNetConfig{}.blocks) return 1;
    return rrdbnet->config.scale() < 4 ? 2 : 3;
  }
  std::int64_t channels() const {
    if (rrdbnet) return std::max(rrdbnet->config.in_channels, rrdbnet->config.out_channels);
    CHECK(compact);
    return compact->config.channels;
  }
  UpscalerFacts facts() const {
    if (rrdbnet) return {rrdbnet->config.scale(), rrdbnet->config.reach()};
    CHECK(compact);
    return {compact->config.scale(), compact->config.reach()};
  }

 private:
  template <class Source>
  void recognise(const Source& source) {
    rrdbnet = recognise_rrdbnet(source);
    if (!rrdbnet) compact = recognise_srvgg_compact(source);
  }
};

template <class Net>
class RealEsrgan final : public Model, public Upscaler {
 public:
  RealEsrgan(LoadedFiles files, std::unique_ptr<Net> net, UpscalerFacts facts, at::ScalarType dtype)
      : Model(std::move(files)), net_(std::move(net)), facts_(facts), dtype_(dtype) {}

  const UpscalerFacts& facts() const override { return facts_; }
  at::ScalarType dtype() const override { return dtype_; }
  Tensor enlarge(const Tensor& picture, const std::function<void()>& check) const override {
    check();
    if constexpr (std::is_same_v<Net, RrdbNet>) {
      return net_->forward(picture, check);
    } else {
      return net_->forward(picture);
    }
  }

 private:
  std::unique_ptr<Net> net_;
  UpscalerFacts facts_;
  at::ScalarType dtype_;
};

std::optional<DetectedModel> detect(const CheckpointFiles& files) {
  if (files.kind() != CheckpointFiles::Kind::kSingleFile) return std::nullopt;
  const auto weights = files.weights();
  const Network network(*weights);
  if (!network.found()) return std::nullopt;
  if (network.channels() != 3) {
    throw Error(ErrorCode::kUnsupported, files.path().string() + ": enlarges pictures of " +
                                             std::to_string(network.channels()) +
                                             " channels: choose a model for RGB pictures");
  }
  DetectedModel model;
  model.layout = files.one_component(network.rrdbnet ? "RRDBNet" : "SRVGGNetCompact");
  model.layout.components.at(kComponent).weights = view_of(weights, network.names());
  model.card = card_of_files(files.id(), model.layout);
  model.card.family = "real_esrgan";
  model.card.capabilities = {"upscale"};
  model.card.rank = network.rank();
  model.facts.set(network.facts());
  model.facts.set(network);
  return model;
}

template <class Net, class Config>
std::unique_ptr<Model> load_as(const DetectedModel& model, const LoadOptions& options,
                               const Config& config, const UpscalerFacts& facts) {
  ComponentLoader loader(model, options);
  auto net = loader.load<Net>(kComponent, kTitle, config, options.bind.dtype);
  return std::make_unique<RealEsrgan<Net>>(loader.loaded_files(), std::move(net), facts,
                                           options.bind.dtype);
}

std::unique_ptr<Model> load(const DetectedModel& model, const LoadOptions& options) {
  const auto* network = model.facts.find<Network>();
  CHECK(network != nullptr);
  if (network->rrdbnet) {
    return load_as<RrdbNet>(model, options, network->rrdbnet->config, network->facts());
  }
  CHECK(network->compact);
  return load_as<SrvggCompact>(model, options, network->compact->config, network->facts());
}

}  // namespace

ModelFamily real_esrgan_family() { return {"real_esrgan", "Real-ESRGAN", detect, load}; }

}  // namespace atelier::engine
