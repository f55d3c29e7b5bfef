#include "storage/sqlite/reader_pool.h"

#include <utility>

namespace atelier::storage {

void ReaderPool::open(const std::string& path, int connections) {
  const std::lock_guard lock(mutex_);
  for (int i = 0; i < connections; ++i) {
    idle_.push_back(std::make_unique<Database>(path));
    idle_.back()->execute("PRAGMA query_only=ON");
  }
}

std::unique_ptr<Database> ReaderPool::take() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [this] { return !idle_.empty(); });
  auto database = std::move(idle_.back());
  idle_.pop_back();
  return database;
}

void ReaderPool::give_back(std::unique_ptr<Database> database) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(database));
  returned_.notify_one();
}

}  // namespace atelier::storage
