// The state of jobs that is not in the database: progress, events, and subscriptions. The scheduler
// thread publishes and attaches; any thread reads. Never fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/jobs/job.h"
#include "scheduler/scheduler.h"

namespace atelier::scheduler {

// One listener; shared by the board and the owner of the subscription.
class Subscriber {
 public:
  Subscriber(std::int64_t after, EventListener listener);
  void deliver(const SharedEvent& event);  // skips events that were seen
  void end();                              // returns when no call is under way; none comes later
  std::int64_t seen() const;               // id of the newest event that was seen

 private:
  mutable std::mutex mutex_;
  EventListener listener_;  // guarded by mutex_; empty: ended
  std::int64_t seen_;       // guarded by mutex_
};

class JobBoard {
 public:
  // The ids of events start at `first_event`, which is greater than those of earlier starts.
  explicit JobBoard(std::int64_t first_event) : next_event_(first_event) {}

  // An id for an event that is stored before it is published: the last one of a job. Any thread.
  std::int64_t take_event_id();
  std::int64_t next_event_id() const;  // not taken yet

  // Scheduler thread: stores the job as it is now and notifies its listeners. The event of a job
  // that has ended is of type "end", regardless of `type`, and gets the id job.last_event; another
  // one gets `id` or, with 0, the next.
  void publish(std::string_view type, const domain::Job& job, std::int64_t now_ms,
               std::int64_t id = 0);
  // Scheduler thread: replays, then subscribes. `stored` is the job from the database, for jobs
  // that the board no longer holds. The last event of an ended job is always sent, seen or not.
  void attach(const std::string& id, const std::shared_ptr<Subscriber>& subscriber,
              const domain::Job& stored);

  // Scheduler thread: appends to the text of a running job, and sends the piece to its listeners as
  // an event. The text itself is kept instead of its events: a listener that attaches gets what it
  // has not seen of it as one event. It is dropped when the job ends.
  void add_text(const std::string& id, std::string_view piece, std::int64_t now_ms);
  // Scheduler thread: the job's text starts again. Its listeners get an empty piece with the offset
  // 0, unless there was no text.
  void restart_text(const std::string& id, std::int64_t now_ms);
  std::string text(const std::string& id) const;  // so far

  std::optional<domain::Job> find(const std::string& id) const;
  bool holds(const std::string& id) const;
  std::size_t jobs_held() const;
  // Id of the event that reported the end of the job; 0: not reported yet. `stored` as above.
  std::int64_t end_event(const domain::Job& stored) const;

 private:
  using Listeners = std::vector<std::weak_ptr<Subscriber>>;
  struct Mark {
    std::int64_t event = 0;
    std::size_t end = 0;  // of the text after this event
  };
  struct StreamedText {
    std::string so_far;
    std::deque<Mark> marks;  // of the newest text events
    std::int64_t newest_event = 0, time_ms = 0;

    // What has been seen by a listener whose newest event is `event`; 0 where that is not known.
    std::size_t seen_by(std::int64_t event) const;
  };
  struct Entry {
    std::deque<SharedEvent> events;  // at least one: the newest has the job as it is now
    std::size_t bytes = 0;           // of all events
    StreamedText text;
    Listeners subscribers;

    const domain::Job& job() const { return events.back()->job; }
  };
  static std::int64_t newest_id(const Entry& entry);
  static void add(Entry& entry, SharedEvent event);
  static void shorten(Entry& entry);
  static void deliver_to(const Listeners& listening, const SharedEvent& event);
  static domain::JobEvent text_event(const Entry& entry, std::size_t offset);
  domain::JobEvent next_text_event(Entry& entry, std::size_t offset, std::int64_t now_ms);
  std::vector<SharedEvent> replay_of(const Entry& entry, std::int64_t after);
  void drop_oldest();

  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // guarded by mutex_
  std::deque<std::string> ended_;         // guarded by mutex_; oldest first
  std::size_t ended_bytes_ = 0;           // guarded by mutex_; of their events
  std::int64_t next_event_;               // guarded by mutex_
};

}  // namespace atelier::scheduler
