// A job store that keeps everything in memory: no disk, the same guarantees, and writes that fail
// as on a full disk when a test sets it. Thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "domain/jobs/job_store.h"
#include "domain/jobs/steps.h"
#include "platform/error.h"

namespace atelier::scheduler {

class MemoryJobStore final : public domain::JobStore {
 public:
  std::atomic<bool> disk_full = false;  // then every write is refused

  using domain::JobStore::insert;
  domain::Inserted insert(const domain::Job& job, const domain::InsertOptions& options) override {
    expect_space();
    const std::lock_guard lock(mutex_);
    const auto& key = options.request.key;
    for (auto& entry : entries_) {
      if (!key.empty() && entry.request.key == key && entry.job.client == job.client) {
        if (entry.job.created_ms >= options.keys_since_ms) {
          return {.id = entry.job.id, .is_new = false, .digest = entry.request.digest};
        }
        entry.request = {};
      }
      if (entry.job.id == job.id) {
        throw Error(ErrorCode::kInternal, "there is a job " + job.id + " already");
      }
    }
    entries_.push_back({.job = job, .request = options.request, .place = {next_sequence_++, 0}});
    if (options.holds_place) --places_.at(static_cast<std::size_t>(job.priority));
    return {.id = job.id};
  }
  void insert_later(std::shared_ptr<const domain::Job> job, const domain::InsertOptions& options,
                    std::function<void(domain::InsertOutcome)> done) override {
    std::optional<domain::InsertOutcome> outcome;
    try {
      outcome = insert(*job, options);
    } catch (const Error& error) {
      outcome = error;
    }
    done(*std::move(outcome));
  }
  std::optional<domain::KeyedJob> find_key(const std::string& client, const std::string& key,
                                           std::int64_t since_ms) override {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : entries_) {
      if (key.empty() || entry.request.key != key || entry.job.client != client) continue;
      if (entry.job.created_ms >= since_ms) {
        return domain::KeyedJob{entry.job.id, entry.request.digest};
      }
    }
    return std::nullopt;
  }
  bool hold_place(int priority, int queued_max) override {
    const std::lock_guard lock(mutex_);
    auto& places = places_.at(static_cast<std::size_t>(priority));
    const auto waiting = std::ranges::count_if(entries_, [&](const Entry& entry) {
      return entry.waits() && entry.job.priority == priority;
    });
    if (waiting + places >= queued_max) return false;
    ++places;
    return true;
  }
  void leave_place(int priority) override {
    const std::lock_guard lock(mutex_);
    --places_.at(static_cast<std::size_t>(priority));
  }
  std::optional<domain::Job> find(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    const auto* entry = entry_of(id);
    return entry == nullptr ? std::nullopt : std::optional(entry->job);
  }
  std::vector<domain::Job> recent(const domain::JobFilter& filter) override {
    const std::lock_guard lock(mutex_);
    std::vector<domain::Job> result;
    auto it = entries_.rbegin();
    if (!filter.before.empty()) {
      while (it != entries_.rend() && it->job.id != filter.before) ++it;
      if (it != entries_.rend()) ++it;
    }
    for (; it != entries_.rend() && std::ssize(result) < filter.limit; ++it) {
      if (!filter.task.empty() && it->job.input.task() != filter.task) continue;
      if (!filter.client.empty() && it->job.client != filter.client) continue;
      if (filter.not_repeated && is_repeated(it->job.id)) continue;
      if (domain::has_state_of(filter, it->job)) result.push_back(it->job);
    }
    return result;
  }
  std::vector<domain::WaitingJob> window(const domain::WindowSize& size) override {
    const std::lock_guard lock(mutex_);
    std::array<int, domain::kPriorities> shown{};
    std::map<std::pair<int, std::string>, int> shown_of_client;
    std::array<std::set<std::string>, domain::kPriorities> clients;
    std::vector<domain::WaitingJob> result;
    for (const auto& job : waiting()) {
      const auto priority = static_cast<std::size_t>(job.priority);
      auto& of_client = shown_of_client[{job.priority, job.client}];
      const bool is_oldest = ++shown[priority] <= size.oldest;
      const bool client_fits =
          clients[priority].contains(job.client) || std::ssize(clients[priority]) < size.clients;
      if (client_fits) clients[priority].insert(job.client);
      if (is_oldest || (client_fits && of_client < size.jobs_of_client)) result.push_back(job);
      ++of_client;
    }
    return result;
  }
  domain::QueuePage queue_page(const std::optional<domain::QueuePlace>& after, int limit) override {
    const std::lock_guard lock(mutex_);
    const auto key = [](const domain::QueuePlace& place) {
      return std::tuple{-place.priority, place.rank, place.sequence};
    };
    domain::QueuePage page{.jobs = {}, .position = 1, .is_last = true};
    for (const auto& job : waiting()) {
      if (after && key(domain::place_of(job)) <= key(*after)) {
        ++page.position;
      } else if (std::ssize(page.jobs) < limit) {
        page.jobs.push_back(job);
      } else {
        page.is_last = false;
      }
    }
    return page;
  }
  std::vector<std::string> not_repeated(domain::JobState state, const domain::QueueFilter& filter,
                                        int limit) override {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> ids;
    for (const auto& entry : entries_) {
      if (entry.job.state != state || !matches(filter, entry.job)) continue;
      if (is_repeated(entry.job.id)) continue;
      if (std::ssize(ids) < limit) ids.push_back(entry.job.id);
    }
    return ids;
  }
  domain::QueueCounts counts() override {
    const std::lock_guard lock(mutex_);
    domain::QueueCounts counts;
    for (const auto& entry : entries_) {
      const auto priority = static_cast<std::size_t>(entry.job.priority);
      counts.queued.at(priority) += entry.waits() ? 1 : 0;
      counts.running += entry.job.state == domain::JobState::kRunning ? 1 : 0;
    }
    return counts;
  }
  std::vector<domain::Job> running(const std::string& node) override {
    const std::lock_guard lock(mutex_);
    std::vector<domain::Job> result;
    for (const auto& entry : entries_) {
      if (entry.job.state == domain::JobState::kRunning && entry.node == node) {
        result.push_back(entry.job);
      }
    }
    return result;
  }
  std::optional<domain::Job> claim(const std::string& id, const std::string& node,
                                   std::int64_t started_ms) override {
    std::optional<domain::Job> claimed;
    change(id, domain::JobState::kQueued, [&](Entry& entry) {
      entry.job.state = domain::JobState::kRunning;
      entry.job.attempt += 1;
      entry.job.started_ms = started_ms;
      entry.node = node;
      claimed = entry.job;
    });
    return claimed;
  }
  bool requeue(const std::string& id, const std::string& reason, domain::Requeue counted) override {
    return change(id, domain::JobState::kRunning, [&](Entry& entry) {
      entry.job.state = domain::JobState::kQueued;
      entry.job.started_ms = 0;
      entry.job.reason = reason;
      if (counted != domain::Requeue::kAfterAttempt) entry.job.attempt -= 1;
      if (counted == domain::Requeue::kAfterStationCrash) entry.job.station_crashes += 1;
      entry.node.clear();
    });
  }
  // As if the station had crashed while this ran on the node.
  void leave_running(const std::string& id, const std::string& node) { claim(id, node, 0); }
  bool keep_steps(const domain::Job& running) override {
    return change(running.id, domain::JobState::kRunning,
                  [&](Entry& entry) { entry.job.finished_steps = running.finished_steps; });
  }
  bool finish(const domain::Job& ended, domain::JobState expected) override {
    return change(ended.id, expected, [&](Entry& entry) {
      entry.job = ended;
      entry.job.finished_steps.clear();
    });
  }
  bool set_priority(const std::string& id, int priority) override {
    return change(id, domain::JobState::kQueued, [&](Entry& entry) {
      entry.job.priority = priority;
      entry.rank = 0;
      entry.place = {next_sequence_ - 1, ++moves_};
    });
  }
  bool move_to_front(const std::string& id) override {
    return change(id, domain::JobState::kQueued, [&](Entry& entry) { entry.rank = --front_rank_; });
  }
  std::vector<domain::CancelledJob> cancel_queued(
      const domain::QueueFilter& filter, std::int64_t finished_ms,
      const std::function<std::int64_t()>& next_event) override {
    expect_space();
    const std::lock_guard lock(mutex_);
    std::vector<domain::CancelledJob> cancelled;
    for (auto& entry : entries_) {
      auto& job = entry.job;
      if (!entry.waits() || !matches(filter, job)) continue;
      cancelled.push_back({.id = job.id,
                           .last_event = next_event(),
                           .step_artifacts = domain::step_artifacts(job)});
      job.state = domain::JobState::kCancelled;
      job.finished_ms = std::max(finished_ms, job.created_ms);
      job.last_event = cancelled.back().last_event;
      job.finished_steps.clear();
    }
    return cancelled;
  }
  std::array<bool, domain::kPriorities> paused() override {
    const std::lock_guard lock(mutex_);
    return paused_;
  }
  void set_paused(int priority, bool paused) override {
    expect_space();
    const std::lock_guard lock(mutex_);
    paused_.at(static_cast<std::size_t>(priority)) = paused;
  }
  std::vector<std::string> prune(int keep_ended, std::int64_t before_ms) override {
    expect_space();
    const std::lock_guard lock(mutex_);
    auto ended = std::ranges::count_if(
        entries_, [](const Entry& entry) { return domain::is_terminal(entry.job.state); });
    std::vector<std::string> ids;
    std::erase_if(entries_, [&](const Entry& entry) {
      if (!domain::is_terminal(entry.job.state) || ended-- <= keep_ended) return false;
      if (entry.job.finished_ms >= before_ms) return false;
      if (std::ssize(ids) == domain::limits::kPruneBatch) return false;
      ids.push_back(entry.job.id);
      return true;
    });
    return ids;
  }
  std::vector<domain::Cost> costs() override {
    const std::lock_guard lock(mutex_);
    return costs_;
  }
  void keep_costs(const std::vector<domain::Cost>& measured) override {
    expect_space();
    const std::lock_guard lock(mutex_);
    for (const auto& cost : measured) {
      std::erase_if(costs_, [&](const domain::Cost& each) {
        return std::tie(each.engine, each.model, each.task, each.size) ==
               std::tie(cost.engine, cost.model, cost.task, cost.size);
      });
      costs_.push_back(cost);
    }
  }
  std::int64_t reserve_events(std::int64_t count) override {
    expect_space();
    const std::lock_guard lock(mutex_);
    return std::exchange(next_event_, next_event_ + count);
  }

 private:
  struct Entry {
    domain::Job job;
    domain::RequestKey request = {};
    std::string node = {};
    std::pair<std::int64_t, std::int64_t> place = {};  // the order of acceptance, then of moves
    std::int64_t rank = 0;

    bool waits() const { return job.state == domain::JobState::kQueued; }
  };

  static bool matches(const domain::QueueFilter& filter, const domain::Job& job) {
    return (filter.client.empty() || filter.client == job.client) &&
           (filter.task.empty() || filter.task == job.input.task()) &&
           (!filter.priority || filter.priority == job.priority);
  }
  Entry* entry_of(const std::string& id) {
    const auto found =
        std::ranges::find_if(entries_, [&](const Entry& entry) { return entry.job.id == id; });
    return found == entries_.end() ? nullptr : &*found;
  }
  bool is_repeated(const std::string& id) const {
    return std::ranges::any_of(entries_,
                               [&](const Entry& later) { return later.job.repeat_of == id; });
  }
  // The highest priority first.
  std::vector<domain::WaitingJob> waiting() const {
    std::vector<domain::WaitingJob> result;
    for (const auto& [job, request, node, place, rank] : entries_) {
      if (job.state != domain::JobState::kQueued) continue;
      result.push_back({.id = job.id,
                        .task = job.input.task(),
                        .client = job.client,
                        .run_task = domain::task_of_next_run(job),
                        .model = domain::model_of_next_run(job),
                        .memory_mode = job.input.memory_mode,
                        .pixels = std::llround(domain::work_of_next_run(job).pixels),
                        .steps = std::llround(domain::work_of_next_run(job).steps),
                        .priority = job.priority,
                        .rank = rank,
                        .sequence = (place.first << kMoveBits) + place.second,
                        .created_ms = job.created_ms,
                        .finished_steps = static_cast<int>(job.finished_steps.size())});
    }
    std::ranges::sort(result, {}, [](const domain::WaitingJob& job) {
      return std::tuple{-job.priority, job.rank, job.sequence};
    });
    return result;
  }
  void expect_space() const {
    if (disk_full) throw Error(ErrorCode::kInternal, "the disk is full: free some space");
  }
  template <class Change>
  bool change(const std::string& id, domain::JobState expected, const Change& apply) {
    const std::lock_guard lock(mutex_);
    auto* entry = entry_of(id);
    if (entry == nullptr || entry->job.state != expected) return false;
    expect_space();
    apply(*entry);
    return true;
  }

  std::mutex mutex_;
  std::vector<domain::Cost> costs_;                 // guarded by mutex_
  std::vector<Entry> entries_;                      // guarded by mutex_; as they were accepted
  std::array<int, domain::kPriorities> places_{};   // guarded by mutex_; held
  std::array<bool, domain::kPriorities> paused_{};  // guarded by mutex_
  static constexpr int kMoveBits = 20;
  std::int64_t next_sequence_ = 1, front_rank_ = 0;  // guarded by mutex_
  std::int64_t moves_ = 0;                           // guarded by mutex_
  std::int64_t next_event_ = 1;                      // guarded by mutex_
};

}  // namespace atelier::scheduler
