// The models in memory: loads, evicts and reports. The station's plan decides what is evicted. Job
// thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/models/all_models.h"

namespace atelier::engine {

// A model as it is in memory: the same files bound in another way are another one.
struct ModelForm {
  std::string id;
  std::filesystem::path path;
  BindOptions bind;

  bool operator==(const ModelForm& other) const = default;
};

struct ResidentModel {
  ModelForm form;
  std::map<std::string, std::int64_t> component_bytes;
  std::int64_t bytes = 0;
};

struct ResidencyReport {
  std::vector<ResidentModel> models;  // most recently used first
  std::int64_t bytes = 0;             // of all of them
};

class Residency {
 public:
  // Null when it is not in memory. Makes it the most recently used.
  Model* find(const ModelForm& form);
  // Throws as ModelFamily::load. The form must not be in memory.
  Model& load(const DetectedModel& detected, const ModelForm& form,
              const std::function<void()>& check);
  // All forms of the model; no effect when none is in memory.
  void evict_id(const std::string& id);
  // Evicts the models of this path whose files are not those that they were loaded from.
  void evict_outdated(const std::filesystem::path& path);
  void evict_all() { entries_.clear(); }

  ResidencyReport report() const;

 private:
  struct Entry {
    ModelForm form;
    std::unique_ptr<Model> model;
  };
  std::list<Entry> entries_;  // most recently used first
};

}  // namespace atelier::engine
