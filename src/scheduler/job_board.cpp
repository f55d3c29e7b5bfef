#include "scheduler/job_board.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "domain/settings/limits.h"

namespace atelier::scheduler {
namespace {

using domain::Job;
using domain::JobEvent;
using domain::kEndEvent;

bool is_passing(const SharedEvent& event) {
  return event->type == "progress" || event->type == "preview";
}

}  // namespace

Subscriber::Subscriber(std::int64_t after, EventListener listener)
    : listener_(std::move(listener)), seen_(after) {}

void Subscriber::deliver(const SharedEvent& event) {
  const std::lock_guard lock(mutex_);
  const bool is_end = domain::is_terminal(event->job.state);
  if (!listener_ || (event->id <= seen_ && !is_end)) return;
  seen_ = std::max(seen_, event->id);
  listener_(event);
  if (is_end) listener_ = nullptr;
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
  const bool is_end = domain::is_terminal(job.state);
  const auto event =
      std::make_shared<JobEvent>(JobEvent{.id = is_end ? job.last_event : id,
                                          .type = std::string(is_end ? kEndEvent : type),
                                          .time_ms = now_ms,
                                          .job = job});
  std::vector<std::weak_ptr<Subscriber>> listening;
  {
    const std::lock_guard lock(mutex_);
    if (event->id == 0) event->id = next_event_++;
    auto& entry = entries_[job.id];
    const bool had_ended = !entry.events.empty() && domain::is_terminal(entry.job().state);
    if (had_ended) ended_bytes_ -= entry.bytes;
    add(entry, event);
    listening = entry.subscribers;
    if (is_end) {
      entry.subscribers.clear();
      ended_bytes_ += entry.bytes;
      if (!had_ended) ended_.push_back(job.id);
      drop_oldest();
    }
  }
  // Outside the lock: a listener may be slow, and readers should not wait for it.
  for (const auto& weak : listening) {
    if (const auto subscriber = weak.lock()) subscriber->deliver(event);
  }
}

void JobBoard::add(Entry& entry, SharedEvent event) {
  entry.bytes += domain::bytes_of(*event);
  entry.events.push_back(std::move(event));
  shorten(entry);
}

// Of an ended job only the last event is kept; of a running one the newest events.
void JobBoard::shorten(Entry& entry) {
  const bool ended = domain::is_terminal(entry.job().state);
  const auto too_much = [&] {
    return entry.events.size() > domain::limits::kEventsPerJob ||
           entry.bytes > domain::limits::kEventBytesPerJob;
  };
  while (ended || too_much()) {
    const auto newest = std::prev(entry.events.end());
    auto oldest = std::find_if(entry.events.begin(), newest, is_passing);
    if (oldest == newest && too_much()) oldest = entry.events.begin();
    if (oldest == newest) return;
    entry.bytes -= domain::bytes_of(**oldest);
    entry.events.erase(oldest);
  }
}

void JobBoard::drop_oldest() {
  while (ended_.size() > 1 && (ended_.size() > domain::limits::kEndedJobsKept ||
                               ended_bytes_ > domain::limits::kEndedJobBytesKept)) {
    const auto oldest = entries_.find(ended_.front());
    if (oldest != entries_.end()) {
      ended_bytes_ -= oldest->second.bytes;
      entries_.erase(oldest);
    }
    ended_.pop_front();
  }
}

void JobBoard::attach(const std::string& id, const std::shared_ptr<Subscriber>& subscriber,
                      const Job& stored) {
  std::vector<SharedEvent> replay;
  {
    const std::lock_guard lock(mutex_);
    auto found = entries_.find(id);
    if (found == entries_.end() && domain::is_terminal(stored.state)) {
      // Ended long ago or before a restart: its last event is made again.
      replay.push_back(std::make_shared<const JobEvent>(JobEvent{.id = stored.last_event,
                                                                 .type = std::string(kEndEvent),
                                                                 .time_ms = stored.finished_ms,
                                                                 .job = stored}));
    } else {
      if (found == entries_.end()) {
        found = entries_.emplace(id, Entry{}).first;
        add(found->second, std::make_shared<const JobEvent>(JobEvent{.id = next_event_++,
                                                                     .type = "state",
                                                                     .time_ms = stored.created_ms,
                                                                     .job = stored}));
      }
      auto& entry = found->second;
      replay.assign(entry.events.begin(), entry.events.end());
      if (!domain::is_terminal(entry.job().state)) {
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
  return found->second.job();
}

std::int64_t JobBoard::end_event(const Job& stored) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(stored.id);
  if (found == entries_.end()) {
    return domain::is_terminal(stored.state) ? stored.last_event : 0;
  }
  return domain::is_terminal(found->second.job().state) ? found->second.events.back()->id : 0;
}

}  // namespace atelier::scheduler
