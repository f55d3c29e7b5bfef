#include "storage/sqlite/writer.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace atelier::storage {
namespace {

// Of one transaction: the first of them waits for the others.
constexpr std::size_t kWritesShared = 256;

}  // namespace

void Writer::write(const Work& work) {
  Waiting mine{.work = work, .woken = {}};
  std::unique_lock lock(mutex_);
  waiting_.push_back(&mine);
  if (led_) {
    mine.woken.wait(lock, [&] { return mine.done || mine.leads; });
  }
  if (!mine.done) {
    led_ = true;
    while (!mine.done) commit_waiting(lock);
    led_ = !waiting_.empty();
    if (led_) {
      waiting_.front()->leads = true;
      waiting_.front()->woken.notify_one();
    }
  }
  lock.unlock();
  if (mine.failure) std::rethrow_exception(mine.failure);
}

std::size_t Writer::waiting() {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

// A write that is done returns as soon as the lock is free: it is not touched afterwards.
void Writer::commit_waiting(std::unique_lock<std::mutex>& lock) {
  const auto size = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kWritesShared));
  const std::vector<Waiting*> batch(waiting_.begin(), waiting_.begin() + size);
  waiting_.erase(waiting_.begin(), waiting_.begin() + size);
  lock.unlock();
  if (batch.size() == 1) {
    commit_alone(*batch.front());
  } else {
    commit_shared(batch);
  }
  lock.lock();
  for (auto* each : batch) {
    each->done = true;
    each->woken.notify_one();
  }
}

void Writer::commit_shared(std::span<Waiting* const> batch) {
  std::vector<QueueChange> changes;
  try {
    Transaction transaction(database_, Transaction::Kind::kWrite);
    for (const auto* each : batch) changes.push_back(each->work(database_));
    transaction.commit();
  } catch (...) {
    for (auto* each : batch) commit_alone(*each);
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

}  // namespace atelier::storage
