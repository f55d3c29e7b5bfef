// Builds the networks of a detected model: reads each component's weights, checks that the network
// uses all of them, and remembers sizes and content. Used by load() of the families, one object per
// call. Errors as ModelFamily::load.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/models/model_family.h"
#include "engine/nn/module.h"
#include "engine/tensor/poll.h"
#include "engine/weights/content_hash.h"
#include "engine/weights/dequantised_source.h"

namespace atelier::engine {

class ComponentLoader {
 public:
  // Both must outlive this object.
  ComponentLoader(const DetectedModel& model, const LoadOptions& options);

  // Throws kUnsupported when the model has no such component. `title` is for sentences: "UNet".
  const CheckpointComponent& component(std::string_view name, const char* title) const;

  template <class Network, class Config>
  std::unique_ptr<Network> load(const std::string& name, const char* title, const Config& config,
                                at::ScalarType dtype) {
    check_between();
    const CheckpointComponent& part = component(name, title);
    BindOptions bind = options_.bind;
    bind.dtype = dtype;
    const ViewSource stored(part.weights, title,
                            reads() ? TensorData::kRead : TensorData::kShapesOnly);
    const DequantisedSource source(stored);
    const Binder binder(source, bind);
    const PollScope between_tensors(options_.check);
    auto network = std::make_unique<Network>(config, binder);
    // A tensor without a place in the network would change what it computes.
    binder.check_all_used();
    finish(name, stored, dtype);
    return network;
  }

  // After the last component. Throws kConflict when the files changed meanwhile.
  LoadedFiles loaded_files() const;

 private:
  bool reads() const { return options_.bind.device.type() != at::kMeta; }
  void check_between();
  void finish(const std::string& name, const ViewSource& source, at::ScalarType dtype);

  const DetectedModel& model_;
  const LoadOptions& options_;
  bool first_ = true;
  ContentHash hash_;
  std::map<std::string, std::int64_t> bytes_;
};

}  // namespace atelier::engine
