#include "domain/catalog/catalog.h"

#include <string_view>
#include <utility>

#include "domain/catalog/founding_names.h"
#include "platform/error.h"

namespace atelier::domain {
namespace {

// "diffusers/name" → "name": people write the name alone.
std::string_view last_part(std::string_view id) {
  const auto slash = id.rfind('/');
  return slash == std::string_view::npos ? id : id.substr(slash + 1);
}

// People copy the file's name: "checkpoints/dream.safetensors" is "checkpoint/dream".
std::string_view without_ending(std::string_view name) {
  for (const std::string_view ending : {".safetensors", ".ckpt"}) {
    if (name.ends_with(ending)) name.remove_suffix(ending.size());
  }
  return name;
}

constexpr std::string_view kStarter = "starter";  // its source, and what people call it

bool usable(const InstalledModel& model, const std::string& task) {
  return model.problem.empty() && model.card.task == task;
}

ResolvedModel checked(const InstalledModel& model, const std::string& task) {
  if (!model.problem.empty()) {
    throw Error(ErrorCode::kUnsupported,
                "model '" + model.card.id + "' cannot be used: " + model.problem);
  }
  if (model.card.task != task) {
    throw Error(ErrorCode::kInvalidArgument, "model '" + model.card.id + "' is for " +
                                                 model.card.task + ", not for " + task +
                                                 ": choose another model");
  }
  return {model, ""};
}

}  // namespace

Catalog::Catalog(std::vector<InstalledModel> models, std::string preferred)
    : models_(std::move(models)), preferred_(std::move(preferred)) {}

const InstalledModel* Catalog::find(const std::string& name) const {
  for (const auto& model : models_) {
    if (model.card.id == name) return &model;
  }
  const auto bare = without_ending(name);
  const auto wanted = plain_name(last_part(bare));
  if (wanted.empty()) return nullptr;
  const InstalledModel* found = nullptr;
  for (const auto& model : models_) {
    const bool same = plain_name(model.card.id) == plain_name(bare) ||
                      plain_name(last_part(model.card.id)) == wanted;
    // Two of one name: the usable one, whichever was found first.
    if (same && (found == nullptr || (!found->problem.empty() && model.problem.empty()))) {
      found = &model;
    }
  }
  return found;
}

const InstalledModel* Catalog::starter(const std::string& task) const {
  for (const auto& model : models_) {
    if (model.source == kStarter && usable(model, task)) return &model;
  }
  return nullptr;
}

const InstalledModel* Catalog::default_of(const std::string& task) const {
  if (!preferred_.empty()) {
    const auto* model = find(preferred_);
    if (model != nullptr && usable(*model, task)) return model;
  }
  if (const auto* model = starter(task)) return model;
  for (const auto& model : models_) {
    if (usable(model, task)) return &model;
  }
  return nullptr;
}

ResolvedModel Catalog::resolve_founding(const std::string& name, const std::string& task) const {
  const auto& known = *find_founding_name(name);
  if (known.task != task) {
    throw Error(ErrorCode::kInvalidArgument, "model '" + name + "' is for " +
                                                 std::string(known.task) + ", not for " + task +
                                                 ": choose another model");
  }
  for (const auto published : known.published) {
    for (const auto& model : models_) {
      const bool carries =
          plain_name(model.card.id).find(plain_name(published)) != std::string::npos;
      if (carries && usable(model, task)) return {model, ""};
    }
  }
  const auto* stand_in = starter(task) != nullptr ? starter(task) : default_of(task);
  if (stand_in == nullptr) refuse_unknown(name, task);
  return {*stand_in, "model '" + name + "' is not installed: '" + stand_in->card.id +
                         "' answered in its place"};
}

void Catalog::refuse_unknown(const std::string& name, const std::string& task) const {
  std::string there;
  for (const auto& model : models_) {
    if (usable(model, task)) there += (there.empty() ? "'" : ", '") + model.card.id + "'";
  }
  if (there.empty()) there = "none; put one into the folder models/checkpoints or models/diffusers";
  throw Error(ErrorCode::kNotFound, "model '" + name + "' is not installed; installed: " + there);
}

ResolvedModel Catalog::resolve(const std::string& name, const std::string& task) const {
  if (name.empty()) {
    const auto* model = default_of(task);
    if (model == nullptr) refuse_unknown("default", task);
    return {*model, ""};
  }
  if (const auto* model = find(name)) return checked(*model, task);
  if (find_founding_name(name) != nullptr) return resolve_founding(name, task);
  if (const auto* model = plain_name(name) == kStarter ? starter(task) : nullptr) {
    return {*model, ""};
  }
  refuse_unknown(name, task);
}

}  // namespace atelier::domain
