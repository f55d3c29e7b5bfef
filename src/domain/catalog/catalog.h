// The installed models: cards with their files, legacy names, and the default of a task. Rule for
// names: an id of the legacy systems is the installed model with the name of the published weights,
// else the default of the task; a missing name is the default. Any other unknown name is refused
// with the nearest names, or, for legacy clients, replaced by the default.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "card/model_card.h"
#include "domain/catalog/legacy_names.h"

namespace atelier::domain {

struct InstalledModel {
  card::ModelCard card;
  std::string path;    // node-local; never shown to a client off loopback, never kept in a job
  std::string source;  // "starter", "models", "huggingface", "comfyui", "a1111"
  std::int64_t size_bytes = 0;
  std::uint64_t files_version = 0;  // of the files at `path` when they were inspected
  std::string problem;              // not empty: found but unusable, and why (a missing part …)
};

// How an unknown name is handled.
enum class UnknownModel { kRefuse, kDefault };

struct ResolvedModel {
  InstalledModel model;
  std::string warning;  // e.g. "model 'sdxl-realism' is not installed: 'atelier-starter-sd' was
                        // used in its place"
};

// The kind of the model: "generation"; "" when it serves no task.
std::string kind_of(const card::ModelCard& card);

// All that was found by one scan; immutable, so that any thread may read it.
class Catalog {
 public:
  // `preferred`: the default model where it serves the task; "" or elsewhere: of the installed
  // models that serve it the one with the highest rank, the first of equal ones; else the starter
  // pack's.
  explicit Catalog(std::vector<InstalledModel> models = {}, std::string preferred = "");

  const std::vector<InstalledModel>& models() const { return models_; }
  // Throws kNotFound (unknown name, nothing installed), kUnsupported (found but unusable),
  // kInvalidArgument (the model is of another task, e.g. a vision model for `generate`).
  ResolvedModel resolve(const std::string& name, const std::string& task,
                        UnknownModel unknown = UnknownModel::kRefuse) const;

  // Whether it is installed (usable or not) or a legacy system's name, for this task.
  bool knows(const std::string& name, const std::string& task) const;
  std::string default_id(const std::string& task) const;  // "": none is usable
  // Of every task that a usable model serves.
  std::map<std::string, std::string> defaults() const;

 private:
  const InstalledModel* find(const std::string& name) const;
  enum class Origin { kInstalled, kStarterPack };
  const InstalledModel* best_usable(const std::string& task, Origin origin) const;
  const InstalledModel* default_of(const std::string& task) const;
  const InstalledModel* carrier(const LegacyName& name) const;
  ResolvedModel stand_in(const std::string& name, const std::string& task) const;
  [[noreturn]] void refuse_unknown(const std::string& name, const std::string& task) const;

  std::vector<InstalledModel> models_;
  std::string preferred_;
};

}  // namespace atelier::domain
