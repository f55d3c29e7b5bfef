#include "storage/sqlite/writer.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace atelier::storage {
namespace {

// Of one transaction: the first of them waits for the others.
constexpr std::size_t kWritesShared = 256;

}  // namespace

Writer::Writer(Database& database, QueueCounter& counter)
    : database_(database), counter_(counter), thread_([this] { run(); }) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    came_.notify_one();
  }
  thread_.join();
}

void Writer::write(const Work& work) {
  platform::Condition woken;
  bool over = false;
  std::exception_ptr failure;
  write_later([&work](Database& database) { return work(database); },
              [&](const std::exception_ptr& why) {
                const std::lock_guard lock(mutex_);
                failure = why;
                over = true;
                woken.notify_one();
              });
  {
    std::unique_lock lock(mutex_);
    woken.wait(lock, [&] { return over; });
  }
  if (failure) std::rethrow_exception(failure);
}

void Writer::write_later(Work work, Done done) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back({std::move(work), std::move(done)});
  if (waiting_.size() == 1) came_.notify_one();
}

std::size_t Writer::waiting() {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

void Writer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    came_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const auto end = std::next(
        waiting_.begin(), static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kWritesShared)));
    std::vector<Waiting> batch(std::move_iterator(waiting_.begin()), std::move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
    lock.unlock();
    commit(batch);
    for (auto& each : batch) each.done(each.failure);
    batch.clear();  // what the callbacks own is not destroyed under the lock
    lock.lock();
  }
}

void Writer::commit(std::span<Waiting> batch) {
  if (batch.size() == 1) return commit_alone(batch.front());
  std::vector<QueueChange> changes;
  try {
    Transaction transaction(database_, Transaction::Kind::kWrite);
    for (const auto& each : batch) changes.push_back(each.work(database_));
    transaction.commit();
  } catch (...) {
    for (auto& each : batch) commit_alone(each);
    return;
  }
  for (const auto& change : changes) counter_.apply(change);
}

void Writer::commit_alone(Waiting& waiting) {
  try {
    Transaction transaction(database_, Transaction::Kind::kWrite);
    const auto change = waiting.work(database_);
    transaction.commit();
    counter_.apply(change);
  } catch (...) {
    waiting.failure = std::current_exception();
  }
}

Error Writer::as_error(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& error) {
    return {ErrorCode::kInternal, error.what()};
  }
}

}  // namespace atelier::storage
