// The state of jobs that is not in the database: progress, events, and subscriptions. The scheduler
// thread publishes and attaches; any thread reads. Never fails.
#pragma once

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

 private:
  std::mutex mutex_;
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

  std::optional<domain::Job> find(const std::string& id) const;
  // Id of the event that reported the end of the job; 0: not reported yet. `stored` as above.
  std::int64_t end_event(const domain::Job& stored) const;

 private:
  struct Entry {
    std::deque<SharedEvent> events;  // at least one: the newest has the job as it is now
    std::size_t bytes = 0;           // of all events
    std::vector<std::weak_ptr<Subscriber>> subscribers;

    const domain::Job& job() const { return events.back()->job; }
  };
  static void add(Entry& entry, SharedEvent event);
  static void shorten(Entry& entry);
  void drop_oldest();

  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // guarded by mutex_
  std::deque<std::string> ended_;         // guarded by mutex_; oldest first
  std::size_t ended_bytes_ = 0;           // guarded by mutex_; of their events
  std::int64_t next_event_;               // guarded by mutex_
};

}  // namespace atelier::scheduler
