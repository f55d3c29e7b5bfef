// Stores that keep everything in memory, for tests of the scheduler: no disk, the same guarantees,
// and writes that fail as on a full disk when a test sets it.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "domain/artifacts/artifact_store.h"
#include "domain/jobs/job_store.h"
#include "platform/error.h"

namespace atelier::scheduler {

class MemoryJobStore final : public domain::JobStore {
 public:
  std::atomic<bool> disk_full = false;  // then every write is refused

  void insert(const domain::Job& job) override {
    expect_space();
    const std::lock_guard lock(mutex_);
    jobs_.push_back(job);
  }
  std::optional<domain::Job> find(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(jobs_, id, &domain::Job::id);
    if (found == jobs_.end()) return std::nullopt;
    return *found;
  }
  std::vector<domain::Job> recent(const domain::JobFilter& filter) override {
    const std::lock_guard lock(mutex_);
    std::vector<domain::Job> result;
    auto it = jobs_.rbegin();
    if (!filter.before.empty()) {
      while (it != jobs_.rend() && it->id != filter.before) ++it;
      if (it != jobs_.rend()) ++it;
    }
    for (; it != jobs_.rend() && std::ssize(result) < filter.limit; ++it) {
      if (!filter.task.empty() && it->input.task() != filter.task) continue;
      if (domain::has_state_of(filter, *it)) result.push_back(*it);
    }
    return result;
  }
  std::vector<domain::Job> queued(int limit) override {
    auto jobs = in_state(domain::JobState::kQueued);
    std::ranges::stable_sort(jobs, std::greater{}, &domain::Job::priority);
    if (jobs.size() > static_cast<std::size_t>(limit)) {
      jobs.resize(static_cast<std::size_t>(limit));
    }
    return jobs;
  }
  std::vector<domain::Job> running() override { return in_state(domain::JobState::kRunning); }
  int count_queued(int priority) override {
    const auto jobs = in_state(domain::JobState::kQueued);
    return static_cast<int>(std::ranges::count(jobs, priority, &domain::Job::priority));
  }
  bool claim(const std::string& id, std::int64_t started_ms) override {
    return change(id, domain::JobState::kQueued, [&](domain::Job& job) {
      job.state = domain::JobState::kRunning;
      job.attempt += 1;
      job.started_ms = started_ms;
    });
  }
  bool requeue(const std::string& id, const std::string& reason, domain::Requeue counted) override {
    return change(id, domain::JobState::kRunning, [&](domain::Job& job) {
      job.state = domain::JobState::kQueued;
      job.reason = reason;
      if (counted != domain::Requeue::kAfterAttempt) job.attempt -= 1;
      if (counted == domain::Requeue::kAfterStationCrash) job.station_crashes += 1;
    });
  }
  // As if the station had crashed while this ran.
  void leave_running(const std::string& id) {
    change(id, domain::JobState::kQueued, [](domain::Job& job) {
      job.state = domain::JobState::kRunning;
      job.attempt += 1;
    });
  }
  bool keep_steps(const domain::Job& running) override {
    return change(running.id, domain::JobState::kRunning,
                  [&](domain::Job& job) { job.finished_steps = running.finished_steps; });
  }
  bool finish(const domain::Job& ended, domain::JobState expected) override {
    return change(ended.id, expected, [&](domain::Job& job) {
      job = ended;
      job.finished_steps.clear();
    });
  }
  std::int64_t reserve_events(std::int64_t count) override {
    expect_space();
    const std::lock_guard lock(mutex_);
    return std::exchange(next_event_, next_event_ + count);
  }

 private:
  std::vector<domain::Job> in_state(domain::JobState state) {
    const std::lock_guard lock(mutex_);
    std::vector<domain::Job> result;
    for (const auto& job : jobs_) {
      if (job.state == state) result.push_back(job);
    }
    return result;
  }
  void expect_space() const {
    if (disk_full) throw Error(ErrorCode::kInternal, "the disk is full: free some space");
  }
  template <class Change>
  bool change(const std::string& id, domain::JobState expected, const Change& apply) {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(jobs_, id, &domain::Job::id);
    if (found == jobs_.end() || found->state != expected) return false;
    expect_space();
    apply(*found);
    return true;
  }

  std::mutex mutex_;
  std::vector<domain::Job> jobs_;  // guarded by mutex_; as they were accepted
  std::int64_t next_event_ = 1;    // guarded by mutex_
};

class MemoryArtifactStore final : public domain::ArtifactStore {
 public:
  std::string put(std::span<const std::uint8_t> bytes, const std::string& media_type,
                  domain::ArtifactOrigin origin) override {
    const std::lock_guard lock(mutex_);
    const auto id = "artifact-" + std::to_string(made_++);
    artifacts_[id] = {{bytes.begin(), bytes.end()}, media_type};
    if (origin == domain::ArtifactOrigin::kStep) steps_.insert(id);
    uploads_ += origin == domain::ArtifactOrigin::kUploaded ? 1 : 0;
    return id;
  }
  domain::OpenArtifact open(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    const auto found = artifacts_.find(id);
    if (found == artifacts_.end()) throw Error(ErrorCode::kNotFound, "no artifact " + id);
    return {platform::bytes_in_memory(found->second.bytes), found->second.media_type};
  }
  void remove_step(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    if (steps_.erase(id) > 0) artifacts_.erase(id);
  }
  int steps() {  // pictures of steps that are there
    const std::lock_guard lock(mutex_);
    return static_cast<int>(steps_.size());
  }
  void lose_everything() {
    const std::lock_guard lock(mutex_);
    artifacts_.clear();
  }
  int uploads() {
    const std::lock_guard lock(mutex_);
    return uploads_;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, domain::Artifact> artifacts_;  // guarded by mutex_
  std::set<std::string> steps_;                        // guarded by mutex_; ids
  int made_ = 0, uploads_ = 0;                         // guarded by mutex_
};

}  // namespace atelier::scheduler
