// A model family: code that recognises and loads the models of one architecture. Each family is one
// file of this folder, which defines `ModelFamily <name>_family()`, and one line of all_models.cpp.
// Job thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <typeindex>

#include "card/model_card.h"
#include "engine/models/model.h"
#include "engine/nn/module.h"
#include "engine/weights/checkpoint_files.h"

namespace atelier::engine {

struct ModelFamily;

// What must be known of a capability before a model is loaded, by the type of the capability's
// facts (DenoiserFacts). A model has a capability exactly when it has its facts. A family may keep
// a type of its own here, for what detect() found out and load() needs.
class CapabilityFacts {
 public:
  template <class Facts>
  void set(Facts facts) {
    facts_[std::type_index(typeid(Facts))] = std::make_shared<const Facts>(std::move(facts));
  }
  // Null: the model does not have the capability.
  template <class Facts>
  const Facts* find() const {
    const auto found = facts_.find(std::type_index(typeid(Facts)));
    return found == facts_.end() ? nullptr : static_cast<const Facts*>(found->second.get());
  }

 private:
  std::map<std::type_index, std::shared_ptr<const void>> facts_;
};

struct DetectedModel {
  const ModelFamily* family = nullptr;  // set by detect_model()
  card::ModelCard card;                 // all but what the pipelines add: the tasks and their rows
  CheckpointLayout layout;
  CapabilityFacts facts;
};

struct LoadOptions {
  // On the device "meta" no weights are read and nothing is allocated; everything that keeps the
  // model from being loaded is thrown all the same.
  BindOptions bind;
  std::function<void()> check{};  // called between components and tensors; throws kCancelled
};

struct ModelFamily {
  std::string id;     // "sd15"
  std::string title;  // for people: "Stable Diffusion 1.5"
  // Looks at names, shapes and configuration files. Empty: not of this family. Throws kCorruptData
  // or kUnsupported for files that are of this family and damaged, incomplete or not supported.
  std::optional<DetectedModel> (*detect)(const CheckpointFiles& files) = nullptr;
  // Throws kCorruptData or kUnsupported with the file and tensor, kConflict when the files changed
  // since they were detected, kCancelled.
  std::unique_ptr<Model> (*load)(const DetectedModel& model, const LoadOptions& options) = nullptr;
};

// The part of a card that is the same for every family: id, title, description (layout.card),
// format, bytes of the weights, fingerprint, and a warning about tensors that no component uses.
card::ModelCard card_of_files(const std::string& id, const CheckpointLayout& layout);

// Members of atelier.json; a member of another kind or outside of the range gives the fallback.
std::string text_or(const boost::json::object& object, std::string_view key, std::string fallback);
double number_or(const boost::json::object& object, std::string_view key, double low, double high,
                 double fallback);
int integer_or(const boost::json::object& object, std::string_view key, int low, int high,
               int fallback);

}  // namespace atelier::engine
