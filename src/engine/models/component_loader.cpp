#include "engine/models/component_loader.h"

#include "platform/error.h"

namespace atelier::engine {

ComponentLoader::ComponentLoader(const DetectedModel& model, const LoadOptions& options)
    : model_(model), options_(options) {
  hash_.add(std::string_view(model.layout.fingerprint));
}

const CheckpointComponent& ComponentLoader::component(std::string_view name,
                                                      const char* title) const {
  const CheckpointComponent* const found = model_.layout.find(name);
  if (found == nullptr) {
    throw Error(ErrorCode::kUnsupported, model_.layout.path.string() + ": has no " + title + " (" +
                                             std::string(name) +
                                             "): the model is incomplete, fetch it again");
  }
  return *found;
}

void ComponentLoader::check_between() {
  if (!first_ && options_.check) options_.check();
  first_ = false;
}

void ComponentLoader::finish(const std::string& name, const ViewSource& source,
                             at::ScalarType dtype) {
  source.check_readable();
  hash_.add(source.digest());
  bytes_[name] = static_cast<std::int64_t>(source.view().parameters() * c10::elementSize(dtype));
}

LoadedFiles ComponentLoader::loaded_files() const {
  model_.layout.version.check_unchanged(model_.layout.path);
  return {model_.card, model_.layout.path, model_.layout.version,
          reads() ? hash_.hex() : model_.layout.fingerprint, bytes_};
}

}  // namespace atelier::engine
