// The one connection that writes, and its thread. Writes that wait for the disk at the same time
// share a transaction: it commits together all that came while the disk was busy. Any thread.
#pragma once

#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <thread>

#include "platform/condition.h"
#include "platform/error.h"
#include "storage/sqlite/database.h"
#include "storage/sqlite/queue_counter.h"

namespace atelier::storage {

class Writer {
 public:
  // Statements on the connection, and what they change. Called inside a transaction, on the
  // writer's thread; called again in a transaction of its own when the shared one has failed. It
  // must not write through this object.
  using Work = std::function<QueueChange(Database&)>;
  // Null: the work's transaction has reached the disk and its change is counted. Else what the work
  // or its transaction threw, and nothing was written. Called once, on the writer's thread: it must
  // return quickly, not throw, and not call write().
  using Done = std::function<void(const std::exception_ptr& failure)>;

  Writer(Database& database, QueueCounter& counter);
  ~Writer();  // what waits is written first
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Waits for the disk; throws what the work or its transaction threw.
  void write(const Work& work);
  // Returns at once. Writes are done in the order in which they came.
  void write_later(Work work, Done done);
  std::size_t waiting();  // writes that wait for the next transaction; for tests

  static Error as_error(const std::exception_ptr& failure);  // of a Done; not null

 private:
  struct Waiting {
    Work work;
    Done done;
    std::exception_ptr failure = nullptr;
  };

  void run();
  void commit(std::span<Waiting> batch);
  void commit_alone(Waiting& waiting);

  Database& database_;  // used by the writer's thread
  QueueCounter& counter_;
  std::mutex mutex_;
  platform::Condition came_;
  std::deque<Waiting> waiting_;  // guarded by mutex_
  bool closing_ = false;         // guarded by mutex_
  std::thread thread_;           // last: it uses all of the above
};

}  // namespace atelier::storage
