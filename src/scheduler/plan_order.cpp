#include "scheduler/plan_order.h"

#include <algorithm>
#include <tuple>

namespace atelier::scheduler {
namespace {

struct Key {
  int group = 0;  // 0: has begun, 1: moved to the front, 2: in its client's turn
  double turn = 0;
  std::int64_t order = 0;
  int job = kNone;

  auto tie() const { return std::tie(group, turn, order, job); }
};

bool before(const Key& a, const Key& b) { return a.tie() < b.tie(); }

int group_of(const WaitingJob& job) { return job.begun ? 0 : job.moved_to_front ? 1 : 2; }

// Each job of a client begins where the expected work of its earlier jobs ends.
void set_turns(const PlanState& state, std::size_t tier, std::vector<Key>& keys) {
  std::vector<double> next(static_cast<std::size_t>(state.clients), state.window.virtual_ms[tier]);
  for (std::size_t i = 0; i < state.window.shares.size(); ++i) {
    const auto& share = state.window.shares[i];
    const int client = state.client_of_share[i];
    if (client == kNone || share.priority != static_cast<int>(tier)) continue;
    auto& turn = next[static_cast<std::size_t>(client)];
    turn = std::max(turn, share.virtual_ms);
  }
  for (auto& key : keys) {
    if (key.group != 2) continue;
    const auto& job = state.jobs[static_cast<std::size_t>(key.job)];
    auto& turn = next[static_cast<std::size_t>(job.client)];
    key.turn = turn;
    turn += static_cast<double>(std::max<std::int64_t>(job.view->expected_ms, 1));
  }
}

void note_turns(PlanState& state, const std::vector<int>& jobs) {
  int latest = kNone;
  for (const int index : jobs) {
    auto& job = state.jobs[static_cast<std::size_t>(index)];
    if (group_of(*job.view) != 2) continue;
    if (latest != kNone) {
      const auto& other = state.jobs[static_cast<std::size_t>(latest)];
      if (other.view->order > job.view->order && other.client != job.client) {
        job.later_ahead = latest;
      }
    }
    if (latest == kNone ||
        job.view->order > state.jobs[static_cast<std::size_t>(latest)].view->order) {
      latest = index;
    }
  }
}

}  // namespace

PlanOrder order_jobs(PlanState& state) {
  PlanOrder order;
  std::array<std::vector<Key>, kPriorities> keys;
  std::vector<Key> paused;
  for (int index = 0; index < static_cast<int>(state.jobs.size()); ++index) {
    const auto& job = state.jobs[static_cast<std::size_t>(index)];
    auto& list = state.window.paused[job.tier] ? paused : keys[job.tier];
    list.push_back({.group = group_of(*job.view), .order = job.view->order, .job = index});
  }
  for (std::size_t tier = 0; tier < keys.size(); ++tier) {
    std::ranges::sort(keys[tier], before);  // first come first served for one client
    set_turns(state, tier, keys[tier]);
    std::ranges::sort(keys[tier], before);
    for (const auto& key : keys[tier]) order.tiers[tier].push_back(key.job);
    note_turns(state, order.tiers[tier]);
  }
  std::ranges::sort(paused, before);
  for (const auto& key : paused) order.paused.push_back(key.job);
  return order;
}

}  // namespace atelier::scheduler
