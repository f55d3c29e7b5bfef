#include "scheduler/job_board.h"

#include <algorithm>
#include <utility>

#include "domain/settings/limits.h"

namespace atelier::scheduler {
namespace {

using domain::Job;
using domain::JobEvent;

bool is_passing(const JobEvent& event) {
  return event.type == "progress" || event.type == "preview";
}

std::string_view last_type(const Job& job) {
  if (job.state == domain::JobState::kSucceeded) return "result";
  return job.state == domain::JobState::kFailed ? "error" : "state";
}

}  // namespace

Subscriber::Subscriber(std::int64_t after, EventListener listener)
    : listener_(std::move(listener)), seen_(after) {}

void Subscriber::deliver(const JobEvent& event) {
  const std::lock_guard lock(mutex_);
  if (!listener_ || (event.id <= seen_ && !domain::is_terminal(event.job.state))) return;
  seen_ = std::max(seen_, event.id);
  listener_(event);
  if (domain::is_terminal(event.job.state)) listener_ = nullptr;
}

void Subscriber::end() {
  const std::lock_guard lock(mutex_);
  listener_ = nullptr;
}

std::int64_t JobBoard::take_event_id() {
  const std::lock_guard lock(mutex_);
  return next_event_++;
}

std::int64_t JobBoard::next_event_id() const {
  const std::lock_guard lock(mutex_);
  return next_event_;
}

void JobBoard::publish(std::string_view type, const Job& job, std::int64_t now_ms,
                       std::int64_t id) {
  if (domain::is_terminal(job.state)) id = job.last_event;
  JobEvent event{.id = id, .type = std::string(type), .time_ms = now_ms, .job = job};
  std::vector<std::weak_ptr<Subscriber>> listening;
  {
    const std::lock_guard lock(mutex_);
    if (event.id == 0) event.id = next_event_++;
    auto& entry = entries_[job.id];
    entry.job = job;
    entry.events.push_back(event);
    shorten(entry);
    listening = entry.subscribers;
    if (domain::is_terminal(job.state)) {
      entry.subscribers.clear();
      ended_.push_back(job.id);
      forget_oldest();
    }
  }
  // Outside the lock: a listener may take its time, and readers need not wait for it.
  for (const auto& weak : listening) {
    if (const auto subscriber = weak.lock()) subscriber->deliver(event);
  }
}

// Of an ended job only what a late reader needs stays; of a running one the newest.
void JobBoard::shorten(Entry& entry) {
  auto& events = entry.events;
  if (domain::is_terminal(entry.job.state)) {
    std::erase_if(events, is_passing);
  } else if (events.size() > domain::limits::kEventsPerJob) {
    const auto oldest = std::ranges::find_if(events, is_passing);
    if (oldest != events.end()) events.erase(oldest);
  }
}

void JobBoard::forget_oldest() {
  while (ended_.size() > domain::limits::kEndedJobsKept) {
    entries_.erase(ended_.front());
    ended_.pop_front();
  }
}

void JobBoard::attach(const std::string& id, const std::shared_ptr<Subscriber>& subscriber,
                      const Job& stored) {
  std::vector<JobEvent> replay;
  {
    const std::lock_guard lock(mutex_);
    auto found = entries_.find(id);
    if (found == entries_.end() && domain::is_terminal(stored.state)) {
      // Ended long ago or before a restart: its last event, as it was told then.
      replay.push_back({.id = stored.last_event,
                        .type = std::string(last_type(stored)),
                        .time_ms = stored.finished_ms,
                        .job = stored});
    } else {
      if (found == entries_.end()) {
        found = entries_.emplace(id, Entry{.job = stored, .events = {}, .subscribers = {}}).first;
        found->second.events.push_back(
            {.id = next_event_++, .type = "state", .time_ms = stored.created_ms, .job = stored});
      }
      auto& entry = found->second;
      replay.assign(entry.events.begin(), entry.events.end());
      if (!domain::is_terminal(entry.job.state)) {
        std::erase_if(entry.subscribers, [](const auto& weak) { return weak.expired(); });
        entry.subscribers.push_back(subscriber);
      }
    }
  }
  for (const auto& event : replay) subscriber->deliver(event);
}

std::optional<Job> JobBoard::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return std::nullopt;
  return found->second.job;
}

}  // namespace atelier::scheduler
