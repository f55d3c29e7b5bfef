#include "engine/residency/residency.h"

#include <algorithm>

#include "platform/check.h"

namespace atelier::engine {

Model* Residency::find(const ModelForm& form) {
  const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& each) { return each.form == form; });
  if (entry == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, entry);
  return entries_.front().model.get();
}

Model& Residency::load(const DetectedModel& detected, const ModelForm& form,
                       const std::function<void()>& check) {
  CHECK(find(form) == nullptr);
  std::unique_ptr<Model> model = load_model(detected, {.bind = form.bind, .check = check});
  entries_.push_front({form, std::move(model)});
  return *entries_.front().model;
}

void Residency::evict_id(const std::string& id) {
  entries_.remove_if([&](const Entry& entry) { return entry.form.id == id; });
}

void Residency::evict_outdated(const std::filesystem::path& path) {
  const ModelVersion now = ModelVersion::of(path);
  entries_.remove_if(
      [&](const Entry& entry) { return entry.form.path == path && entry.model->version() != now; });
}

ResidencyReport Residency::report() const {
  ResidencyReport report;
  for (const Entry& entry : entries_) {
    report.models.push_back({entry.form, entry.model->component_bytes(), entry.model->bytes()});
    report.bytes += entry.model->bytes();
  }
  return report;
}

}  // namespace atelier::engine
