#include "scheduler/fair_shares.h"

#include <algorithm>

namespace atelier::scheduler {

void FairShares::started(const std::string& client, int priority, std::int64_t expected_ms) {
  const auto tier = static_cast<std::size_t>(std::clamp(priority, 0, kPriorities - 1));
  auto& clients = clients_[tier];
  auto& now = virtual_ms_[tier];
  const auto found = clients.find(client);
  const double start = std::max(now, found == clients.end() ? now : found->second);
  now = start;
  // Those that are not ahead of the virtual time are as if they had never been here.
  std::erase_if(clients, [now](const auto& entry) { return entry.second <= now; });
  clients[client] = start + static_cast<double>(std::max<std::int64_t>(expected_ms, 1));
}

void FairShares::write_to(Window& window) const {
  window.shares.clear();
  for (std::size_t tier = 0; tier < clients_.size(); ++tier) {
    for (const auto& [client, virtual_ms] : clients_[tier]) {
      window.shares.push_back({client, static_cast<int>(tier), virtual_ms});
    }
  }
  window.virtual_ms = virtual_ms_;
}

}  // namespace atelier::scheduler
