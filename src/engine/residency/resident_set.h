// Which models stay in memory: the most recently used ones within a number of bytes. A new one
// makes room first, so that never two large ones lie in memory where one fits. Job thread only;
// cannot fail.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

namespace atelier::engine {

template <class Model>
class ResidentSet {
 public:
  explicit ResidentSet(std::int64_t bytes_max) : bytes_max_(bytes_max) {}

  // Null when it is not resident. Makes it the most recent.
  Model* find(const std::string& key) {
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (entry->key == key) {
        entries_.splice(entries_.begin(), entries_, entry);
        return entries_.front().model.get();
      }
    }
    return nullptr;
  }

  // Drops what does not stand for its files any more.
  void drop_if(const std::function<bool(const Model&)>& stale) {
    entries_.remove_if([&](const Entry& entry) { return stale(*entry.model); });
  }

  // Drops the least recent until `bytes` more fit (or nothing is left).
  void make_room(std::int64_t bytes) {
    while (!entries_.empty() && total_bytes() + bytes > bytes_max_) {
      entries_.pop_back();
    }
  }

  Model& add(const std::string& key, const std::string& id, std::int64_t bytes,
             std::unique_ptr<Model> model) {
    entries_.push_front({key, id, bytes, std::move(model)});
    return *entries_.front().model;
  }

  void clear() { entries_.clear(); }

  std::int64_t total_bytes() const {
    std::int64_t total = 0;
    for (const Entry& entry : entries_) {
      total += entry.bytes;
    }
    return total;
  }

  std::vector<std::string> ids() const {
    std::vector<std::string> ids;
    for (const Entry& entry : entries_) {
      ids.push_back(entry.id);
    }
    return ids;
  }

 private:
  struct Entry {
    std::string key, id;
    std::int64_t bytes;
    std::unique_ptr<Model> model;
  };
  std::int64_t bytes_max_;
  std::list<Entry> entries_;  // most recent first
};

}  // namespace atelier::engine
