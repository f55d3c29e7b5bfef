#include "domain/catalog/catalog.h"

#include <string_view>
#include <utility>

#include "card/all_tasks.h"
#include "domain/catalog/model_layout.h"
#include "platform/error.h"
#include "platform/nearest.h"
#include "platform/utf8.h"

namespace atelier::domain {
namespace {

// "diffusers/name" → "name": the name alone is accepted.
std::string_view last_part(std::string_view id) {
  const auto slash = id.rfind('/');
  return slash == std::string_view::npos ? id : id.substr(slash + 1);
}

// File names are accepted: "checkpoints/dream.safetensors" is "checkpoint/dream".
std::string_view without_ending(std::string_view name) {
  for (const std::string_view ending : {".safetensors", ".ckpt"}) {
    if (name.ends_with(ending)) name.remove_suffix(ending.size());
  }
  return name;
}

constexpr std::size_t kShownMax = 100;  // bytes of an unknown name in a sentence
constexpr std::size_t kListedMax = 12;  // a folder may hold hundreds

// "'a', 'b' and 3 more"
std::string quoted(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kListedMax; ++i) {
    text += (i == 0 ? "'" : ", '") + names[i] + "'";
  }
  if (names.size() > kListedMax) {
    text += " and " + std::to_string(names.size() - kListedMax) + " more";
  }
  return text;
}

// "models/a, models/b or models/c"
std::string model_places() {
  std::string places;
  for (const auto folder : model_layout::kFolders) {
    if (!places.empty()) places += folder == model_layout::kFolders.back() ? " or " : ", ";
    places += "models/" + std::string(folder);
  }
  return places;
}

[[noreturn]] void refuse(ErrorCode code, const std::string& sentence) {
  throw Error(code, std::string(card::kModelMember), sentence);
}

constexpr std::string_view kStarter = "starter";  // its source, and the accepted names

bool usable(const InstalledModel& model, const std::string& task) {
  return model.problem.empty() && card::served(model.card, task) != nullptr;
}

// The kind of the task's models, as in lists and legacy names.
std::string kind_of_task(const std::string& task) {
  const auto* known = card::find_task(task);
  return known == nullptr ? task : known->model_kind;
}

[[noreturn]] void refuse_kind(const std::string& name, const std::string& is,
                              const std::string& wanted) {
  refuse(ErrorCode::kInvalidArgument,
         "model '" + name + "' is for " + is + ", not for " + wanted + ": choose another model");
}

ResolvedModel checked(const InstalledModel& model, const std::string& task) {
  if (!model.problem.empty()) {
    refuse(ErrorCode::kUnsupported,
           "model '" + model.card.id + "' cannot be used: " + model.problem);
  }
  if (card::served(model.card, task) == nullptr) {
    refuse_kind(model.card.id, kind_of(model.card), kind_of_task(task));
  }
  return {model, ""};
}

}  // namespace

std::string kind_of(const card::ModelCard& card) {
  return card.tasks.empty() ? "" : kind_of_task(card.tasks.front().task);
}

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
    // Of two with the same name the usable one is preferred, then the first one found.
    if (same && (found == nullptr || (!found->problem.empty() && model.problem.empty()))) {
      found = &model;
    }
  }
  return found;
}

const InstalledModel* Catalog::best_usable(const std::string& task, Origin origin) const {
  const InstalledModel* best = nullptr;
  for (const auto& model : models_) {
    const bool starter = model.source == kStarter;
    if (starter != (origin == Origin::kStarterPack) || !usable(model, task)) continue;
    if (best == nullptr || model.card.rank > best->card.rank) best = &model;
  }
  return best;
}

const InstalledModel* Catalog::default_of(const std::string& task) const {
  if (!preferred_.empty()) {
    const auto* model = find(preferred_);
    if (model != nullptr && usable(*model, task)) return model;
  }
  if (const auto* model = best_usable(task, Origin::kInstalled)) return model;
  return best_usable(task, Origin::kStarterPack);
}

// The installed model whose id holds the name of the published weights.
const InstalledModel* Catalog::carrier(const LegacyName& name) const {
  for (const auto published : name.published) {
    for (const auto& model : models_) {
      const bool carries =
          plain_name(model.card.id).find(plain_name(published)) != std::string::npos;
      if (carries && model.problem.empty() && kind_of(model.card) == name.kind) return &model;
    }
  }
  return nullptr;
}

ResolvedModel Catalog::stand_in(const std::string& name, const std::string& task) const {
  const auto* model = default_of(task);
  if (model == nullptr) refuse_unknown(name, task);
  return {*model, "model '" + platform::cut(name, kShownMax) + "' is not installed: '" +
                      model->card.id + "' was used in its place"};
}

void Catalog::refuse_unknown(const std::string& name, const std::string& task) const {
  std::vector<std::string> there;
  for (const auto& model : models_) {
    if (usable(model, task)) there.push_back(model.card.id);
  }
  std::string sentence = "model '" + platform::cut(name, kShownMax) + "' is not installed; ";
  if (there.empty()) {
    refuse(ErrorCode::kNotFound, sentence + "installed: none; put one into " + model_places());
  }
  if (const auto near = platform::near_names(name, there); !near.empty()) {
    sentence += "the nearest names are " + quoted(near) + "; ";
  }
  refuse(ErrorCode::kNotFound, sentence + "installed: " + quoted(there));
}

ResolvedModel Catalog::resolve(const std::string& name, const std::string& task,
                               UnknownModel unknown) const {
  if (name.empty()) {
    const auto* model = default_of(task);
    if (model == nullptr) refuse_unknown("default", task);
    return {*model, ""};
  }
  if (const auto* model = find(name)) return checked(*model, task);
  if (const auto* legacy = find_legacy_name(name)) {
    if (legacy->kind != kind_of_task(task)) {
      refuse_kind(name, std::string(legacy->kind), kind_of_task(task));
    }
    if (const auto* model = carrier(*legacy)) return {*model, ""};
    if (legacy->role) return stand_in(name, task);
  }
  if (const auto* model =
          plain_name(name) == kStarter ? best_usable(task, Origin::kStarterPack) : nullptr) {
    return {*model, ""};
  }
  if (unknown == UnknownModel::kDefault) return stand_in(name, task);
  refuse_unknown(name, task);
}

bool Catalog::knows(const std::string& name, const std::string& task) const {
  if (const auto* model = find(name)) {
    // The kind of an unusable model may be unknown.
    return model->card.tasks.empty() || card::served(model->card, task) != nullptr;
  }
  if (const auto* legacy = find_legacy_name(name)) return legacy->kind == kind_of_task(task);
  return plain_name(name) == kStarter && best_usable(task, Origin::kStarterPack) != nullptr;
}

std::map<std::string, std::string> Catalog::defaults() const {
  std::map<std::string, std::string> ids;
  for (const auto* task : card::all_tasks()) {
    if (auto id = default_id(task->id); !id.empty()) ids[task->id] = std::move(id);
  }
  return ids;
}

std::string Catalog::default_id(const std::string& task) const {
  const auto* model = default_of(task);
  return model == nullptr ? "" : model->card.id;
}

}  // namespace atelier::domain
