#include "engine/residency/residency.h"

#include <algorithm>
#include <iterator>

#include "platform/check.h"

namespace atelier::engine {

std::shared_ptr<Model> Residency::first_of(const ModelForm& form) {
  const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& each) { return each.form == form; });
  if (entry == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, entry);
  return entries_.front().model;
}

std::shared_ptr<Model> Residency::find(const ModelForm& form) {
  const std::scoped_lock lock(mutex_);
  return first_of(form);
}

std::shared_ptr<Model> Residency::load(const DetectedModel& detected, const ModelForm& form,
                                       const std::function<void()>& check) {
  CHECK(find(form) == nullptr);
  std::shared_ptr<Model> model = load_model(detected, {.bind = form.bind, .check = check});
  const std::scoped_lock lock(mutex_);
  if (std::shared_ptr<Model> same = first_of(form)) return same;
  entries_.push_front({form, model});
  return model;
}

// Models are large: they are destroyed without the mutex, so that the end of a run does not wait.
void Residency::drop(const std::function<bool(const Entry&)>& dropped) {
  Entries out;
  const std::scoped_lock lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    if (dropped(*entry)) out.splice(out.begin(), entries_, entry);
    entry = next;
  }
}

void Residency::evict_id(const std::string& id) {
  drop([&](const Entry& entry) { return entry.form.id == id && !entry.in_use(); });
}

void Residency::evict_outdated(const std::filesystem::path& path) {
  const ModelVersion now = ModelVersion::of(path);
  drop(
      [&](const Entry& entry) { return entry.form.path == path && entry.model->version() != now; });
}

void Residency::evict_all() {
  drop([](const Entry& entry) { return !entry.in_use(); });
}

ResidencyReport Residency::report() const {
  const std::scoped_lock lock(mutex_);
  ResidencyReport report;
  for (const Entry& entry : entries_) {
    report.models.push_back({entry.form, entry.model->component_bytes(), entry.model->bytes()});
    report.bytes += entry.model->bytes();
  }
  return report;
}

}  // namespace atelier::engine
