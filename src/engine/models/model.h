// A loaded model: what residency keeps and pipelines compute with. A family's class derives from
// Model and from the interface of each capability that it has (denoiser.h); a pipeline requests the
// capability and never checks the family. Owned by the engine's residency; one job at a time, from
// the job thread.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <typeindex>

#include "card/model_card.h"
#include "engine/weights/model_version.h"

namespace atelier::engine {

// What is recorded of every loaded model.
struct LoadedFiles {
  card::ModelCard card;
  std::filesystem::path path;
  ModelVersion version;
  std::string content_hash;  // of configurations, tokenizers and all weights that were read
  std::map<std::string, std::int64_t> component_bytes;  // in memory
};

// Throws kUnsupported: the model cannot do this.
[[noreturn]] void refuse_capability(const card::ModelCard& card, std::string_view capability);

class Model {
 public:
  explicit Model(LoadedFiles files) : files_(std::move(files)) {}
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const card::ModelCard& card() const { return files_.card; }
  const std::string& id() const { return files_.card.id; }
  const std::filesystem::path& path() const { return files_.path; }
  const ModelVersion& version() const { return files_.version; }
  const std::string& content_hash() const { return files_.content_hash; }
  const std::map<std::string, std::int64_t>& component_bytes() const {
    return files_.component_bytes;
  }
  std::int64_t bytes() const;

  // Null: the model does not have this capability.
  template <class Capability>
  Capability* find_capability() {
    return dynamic_cast<Capability*>(this);
  }
  // Throws kUnsupported. `Capability::kCapability` is a verb phrase: "generate images".
  template <class Capability>
  Capability& capability() {
    Capability* const found = find_capability<Capability>();
    if (found == nullptr) refuse_capability(files_.card, Capability::kCapability);
    return *found;
  }

  // What a pipeline keeps with the model between jobs, for example a cache. Made from the model on
  // the first call, destroyed with the model.
  template <class Kept>
  Kept& kept() {
    std::shared_ptr<void>& place = kept_[std::type_index(typeid(Kept))];
    if (place == nullptr) place = std::make_shared<Kept>(*this);
    return *static_cast<Kept*>(place.get());
  }

 private:
  LoadedFiles files_;
  std::map<std::type_index, std::shared_ptr<void>> kept_;
};

}  // namespace atelier::engine
