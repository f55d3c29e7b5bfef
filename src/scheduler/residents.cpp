#include "scheduler/residents.h"

#include <algorithm>
#include <numeric>

namespace atelier::scheduler {

void Residents::report(const std::vector<protocol::ResidentModel>& models, std::int64_t now_ms) {
  std::erase_if(models_, [&](const auto& entry) {
    return std::ranges::find(models, entry.first, &protocol::ResidentModel::id) == models.end();
  });
  for (const auto& model : models) {
    const auto [entry, is_new] = models_.try_emplace(model.id);
    if (is_new) entry->second.last_used_ms = now_ms;
    entry->second.bytes = std::max<std::int64_t>(model.bytes, 0);
  }
}

void Residents::used(const std::string& id, bool unload_after_use, std::int64_t now_ms) {
  const auto found = models_.find(id);
  if (found == models_.end()) return;
  found->second.last_used_ms = now_ms;
  found->second.unload_after_use = unload_after_use;
}

void Residents::evicting(const std::string& id, std::int64_t now_ms) {
  const auto found = models_.find(id);
  if (found != models_.end()) found->second.evicting_since_ms = now_ms;
}

std::vector<ResidentModel> Residents::view(const std::set<std::string>& busy,
                                           const std::set<std::string>& pinned,
                                           std::optional<std::int64_t> keep_ms) const {
  std::vector<ResidentModel> models;
  for (const auto& [id, entry] : models_) {
    auto& model = models.emplace_back(ResidentModel{.id = id,
                                                    .bytes = entry.bytes,
                                                    .last_used_ms = entry.last_used_ms,
                                                    .pinned = pinned.contains(id),
                                                    .busy = busy.contains(id),
                                                    .unload_after_use = entry.unload_after_use,
                                                    .evicting_since_ms = entry.evicting_since_ms});
    if (keep_ms) model.expires_ms = entry.last_used_ms + *keep_ms;
  }
  return models;
}

std::int64_t Residents::bytes() const {
  return std::accumulate(
      models_.begin(), models_.end(), std::int64_t{0},
      [](std::int64_t sum, const auto& each) { return sum + each.second.bytes; });
}

}  // namespace atelier::scheduler
