// The models in memory: loads, evicts and reports. The station's plan decides what is evicted. A
// model that a run holds is in use: it is not evicted, and one that is dropped because its files
// have changed is destroyed when the run lets go of it. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
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
  std::shared_ptr<Model> find(const ModelForm& form);
  // Throws as ModelFamily::load. The form must not be in memory; where it is when the loading has
  // ended (`check` may wait while another run loads it), that model is returned.
  std::shared_ptr<Model> load(const DetectedModel& detected, const ModelForm& form,
                              const std::function<void()>& check);
  // All forms of the model that are not in use; no effect when none is in memory.
  void evict_id(const std::string& id);
  // Drops the models of this path whose files are not those that they were loaded from.
  void evict_outdated(const std::filesystem::path& path);
  void evict_all();  // that are not in use

  ResidencyReport report() const;

 private:
  struct Entry {
    ModelForm form;
    std::shared_ptr<Model> model;  // runs hold further references
    bool in_use() const { return model.use_count() > 1; }
  };
  using Entries = std::list<Entry>;

  // Null: it is not there. With the mutex held.
  std::shared_ptr<Model> first_of(const ModelForm& form);
  // Those for which `dropped` is true are destroyed.
  void drop(const std::function<bool(const Entry&)>& dropped);

  mutable std::mutex mutex_;  // guards what follows; not the loading of a model
  Entries entries_;           // most recently used first
};

}  // namespace atelier::engine
