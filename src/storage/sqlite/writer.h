// The one connection that writes. Writes that wait for the disk at the same time share a
// transaction: the first of them commits for all that came while the disk was busy, without a
// thread of its own. Any thread.
#pragma once

#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <span>

#include "platform/condition.h"
#include "storage/sqlite/database.h"
#include "storage/sqlite/queue_counter.h"

namespace atelier::storage {

class Writer {
 public:
  // Statements on the connection, and what they change. Called inside a transaction, on the thread
  // of any write; called again in a transaction of its own when the shared one has failed. It must
  // not call write().
  using Work = std::function<QueueChange(Database&)>;

  Writer(Database& database, QueueCounter& counter) : database_(database), counter_(counter) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Returns when the work's transaction has reached the disk and its change is counted. What the
  // work or its transaction throws is thrown here, and only here; then nothing was written.
  void write(const Work& work);
  std::size_t waiting();  // writes that wait for the next transaction; for tests

 private:
  struct Waiting {
    const Work& work;
    platform::Condition woken;
    bool leads = false, done = false;
    std::exception_ptr failure = nullptr;
  };

  void commit_waiting(std::unique_lock<std::mutex>& lock);
  void commit_shared(std::span<Waiting* const> batch);
  void commit_alone(Waiting& waiting);

  Database& database_;  // used by the leading write
  QueueCounter& counter_;
  std::mutex mutex_;
  std::deque<Waiting*> waiting_;  // guarded by mutex_
  bool led_ = false;              // guarded by mutex_; a write commits
};

}  // namespace atelier::storage
