// The models in memory: loads, evicts and reports. What is evicted for another model is decided by
// its caller (eviction_rule.h until the scheduler plans it). Job thread.
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
  // By task: the most memory that one of its jobs needed beside the models, as it was measured.
  std::map<std::string, std::int64_t> peak_bytes;
};

class Residency {
 public:
  // Null when it is not in memory. Makes it the most recently used.
  Model* find(const ModelForm& form);
  // Throws as ModelFamily::load. The form must not be in memory.
  Model& load(const DetectedModel& detected, const ModelForm& form,
              const std::function<void()>& check);
  // No effect when it is not in memory.
  void evict(const ModelForm& form);
  // Evicts the models of this path whose files are not those that they were loaded from.
  void evict_outdated(const std::filesystem::path& path);
  void evict_all() { entries_.clear(); }

  // What a job of the task needed.
  void add_peak(const std::string& task, std::int64_t bytes);
  ResidencyReport report() const;

 private:
  struct Entry {
    ModelForm form;
    std::unique_ptr<Model> model;
  };
  std::list<Entry> entries_;  // most recently used first
  std::map<std::string, std::int64_t> peaks_;
};

}  // namespace atelier::engine
