// The installed models: cards with their files, names that mean a role, and the default of a task.
// Rule for names: the legacy systems' ids mean the installed model that carries the published
// weights' name, else the default of the task; so does a missing name. Any other unknown name is
// refused with a sentence naming what is there, or, where old clients ask, the default as well.
#pragma once

#include <cstdint>
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
  std::uint64_t files_version = 0;  // of what lay at `path` when it was looked at
  std::string problem;              // not empty: found but unusable, and why (a missing part …)
};

// What becomes of a name that nobody has.
enum class UnknownModel { kRefuse, kDefault };

struct ResolvedModel {
  InstalledModel model;
  std::string warning;  // e.g. "sdxl-realism is not installed: the starter model answered"
};

// What the model is for, in one word: "generation"; "" when it serves no task.
std::string kind_of(const card::ModelCard& card);

// All that was found by one scan; immutable, so that any thread may read it.
class Catalog {
 public:
  // `preferred`: the default model where it serves the task; "" or elsewhere: the first installed
  // model that serves it, else the starter pack's.
  explicit Catalog(std::vector<InstalledModel> models = {}, std::string preferred = "");

  const std::vector<InstalledModel>& models() const { return models_; }
  // Throws kNotFound (unknown name, nothing installed), kUnsupported (found but unusable),
  // kInvalidArgument (the name is of another task, e.g. a vision model asked to draw).
  ResolvedModel resolve(const std::string& name, const std::string& task,
                        UnknownModel unknown = UnknownModel::kRefuse) const;

  // Whether it is installed (usable or not) or a legacy system's name, for this task.
  bool knows(const std::string& name, const std::string& task) const;
  std::string default_id(const std::string& task) const;  // "": none is usable

 private:
  const InstalledModel* find(const std::string& name) const;
  enum class Origin { kInstalled, kStarterPack };
  const InstalledModel* first_usable(const std::string& task, Origin origin) const;
  const InstalledModel* default_of(const std::string& task) const;
  const InstalledModel* carrier(const LegacyName& name) const;
  ResolvedModel stand_in(const std::string& name, const std::string& task) const;
  [[noreturn]] void refuse_unknown(const std::string& name, const std::string& task) const;

  std::vector<InstalledModel> models_;
  std::string preferred_;
};

}  // namespace atelier::domain
