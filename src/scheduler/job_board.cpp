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

// Marks of the text of one job: a listener that is further behind gets the text from its start.
constexpr std::size_t kMarksMax = 1024;

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

std::int64_t Subscriber::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

std::int64_t JobBoard::take_event_id() {
  const std::lock_guard lock(mutex_);
  return next_event_++;
}

std::int64_t JobBoard::next_event_id() const {
  const std::lock_guard lock(mutex_);
  return next_event_;
}

// Without the lock: a listener may be slow, and readers should not wait for it.
void JobBoard::deliver_to(const Listeners& listening, const SharedEvent& event) {
  for (const auto& weak : listening) {
    if (const auto subscriber = weak.lock()) subscriber->deliver(event);
  }
}

void JobBoard::publish(std::string_view type, const Job& job, std::int64_t now_ms,
                       std::int64_t id) {
  const bool is_end = domain::is_terminal(job.state);
  const auto event =
      std::make_shared<JobEvent>(JobEvent{.id = is_end ? job.last_event : id,
                                          .type = std::string(is_end ? kEndEvent : type),
                                          .time_ms = now_ms,
                                          .job = job});
  Listeners listening;
  {
    const std::lock_guard lock(mutex_);
    auto& entry = entries_[job.id];
    const bool had_ended = !entry.events.empty() && domain::is_terminal(entry.job().state);
    // A job that waited is ended by another thread than the scheduler's: an event of it may have
    // been published after the id of its end was taken.
    const bool is_overtaken = is_end && !had_ended && newest_id(entry) >= event->id;
    if (had_ended && is_end) event->id = entry.events.back()->id;
    if (event->id == 0 || is_overtaken) event->id = next_event_++;
    if (is_end) event->job.last_event = event->id;
    if (had_ended) ended_bytes_ -= entry.bytes;
    // The replay sends this event before the text, so its id does not show which pieces were seen.
    if (!domain::is_superseded(*event)) entry.text.marks.clear();
    add(entry, event);
    listening = entry.subscribers;
    if (is_end) {
      entry.text = {};
      entry.subscribers.clear();
      ended_bytes_ += entry.bytes;
      if (!had_ended) ended_.push_back(job.id);
      drop_oldest();
    }
  }
  deliver_to(listening, event);
}

std::int64_t JobBoard::newest_id(const Entry& entry) {
  const auto newest = entry.events.empty() ? 0 : entry.events.back()->id;
  return std::max(newest, entry.text.newest_event);
}

std::size_t JobBoard::StreamedText::seen_by(std::int64_t event) const {
  const auto later = std::ranges::upper_bound(marks, event, {}, &Mark::event);
  return later == marks.begin() ? 0 : std::prev(later)->end;
}

// The event of a piece that has been appended.
JobEvent JobBoard::next_text_event(Entry& entry, std::size_t offset, std::int64_t now_ms) {
  auto& text = entry.text;
  text.newest_event = next_event_++;
  text.time_ms = now_ms;
  text.marks.push_back({text.newest_event, text.so_far.size()});
  if (text.marks.size() > kMarksMax) text.marks.pop_front();
  return text_event(entry, offset);
}

// What follows `offset`, as the newest text event. It has no copy of the job: there may be
// thousands of them.
JobEvent JobBoard::text_event(const Entry& entry, std::size_t offset) {
  const auto& text = entry.text;
  JobEvent event{.id = text.newest_event,
                 .type = std::string(domain::kTextEvent),
                 .time_ms = text.time_ms,
                 .job = {},
                 .offset = static_cast<std::int64_t>(offset),
                 .text = text.so_far.substr(offset)};
  event.job.id = entry.job().id;
  event.job.state = entry.job().state;
  return event;
}

void JobBoard::add_text(const std::string& id, std::string_view piece, std::int64_t now_ms) {
  if (piece.empty()) return;
  SharedEvent event;
  Listeners listening;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end() || domain::is_terminal(found->second.job().state)) return;
    auto& entry = found->second;
    const auto offset = entry.text.so_far.size();
    entry.text.so_far += piece;
    event = std::make_shared<const JobEvent>(next_text_event(entry, offset, now_ms));
    listening = entry.subscribers;
  }
  deliver_to(listening, event);
}

void JobBoard::restart_text(const std::string& id, std::int64_t now_ms) {
  SharedEvent event;
  Listeners listening;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end() || found->second.text.so_far.empty()) return;
    auto& entry = found->second;
    entry.text = {};
    event = std::make_shared<const JobEvent>(next_text_event(entry, 0, now_ms));
    listening = entry.subscribers;
  }
  deliver_to(listening, event);
}

std::string JobBoard::text(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  return found == entries_.end() ? "" : found->second.text.so_far;
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
    auto oldest = std::find_if(entry.events.begin(), newest, [](const SharedEvent& event) {
      return domain::is_superseded(*event);
    });
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

// The events of a job for a listener that has seen those up to `after`. Whatever id a listener has
// seen, it has also seen the text up to that id. So where it lacks some of the text, superseded
// events before the end of the text are left out, and the newest of them follows with a new id.
std::vector<SharedEvent> JobBoard::replay_of(const Entry& entry, std::int64_t after) {
  const auto& text = entry.text;
  if (text.newest_event <= after || (after == 0 && text.so_far.empty())) {
    return {entry.events.begin(), entry.events.end()};
  }
  std::vector<SharedEvent> replay;
  for (const auto& event : entry.events) {
    if (event->id < text.newest_event && !domain::is_superseded(*event)) replay.push_back(event);
  }
  replay.push_back(std::make_shared<const JobEvent>(text_event(entry, text.seen_by(after))));
  for (const auto& event : entry.events) {
    if (event->id > text.newest_event) replay.push_back(event);
  }
  const auto& newest = *entry.events.back();
  if (newest.id < text.newest_event && domain::is_superseded(newest)) {
    auto again = newest;
    again.id = next_event_++;
    replay.push_back(std::make_shared<const JobEvent>(std::move(again)));
  }
  return replay;
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
      replay = replay_of(entry, subscriber->seen());
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

bool JobBoard::holds(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  return entries_.contains(id);
}

std::size_t JobBoard::jobs_held() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
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
