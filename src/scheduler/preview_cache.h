// The newest preview of each running job, in memory only. Thread-safe.
#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "scheduler/decoder.h"

namespace atelier::scheduler {

class PreviewCache {
 public:
  static constexpr std::string_view kPrefix = "preview-";

  // Replaces the job's earlier one; the id differs each time, so that a stale picture is not served
  // from a cache.
  std::string put(const std::string& job, EncodedPicture picture) {
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [&](const Entry& entry) { return entry.job == job; });
    if (entries_.size() == kKept) entries_.pop_front();
    auto id = std::string(kPrefix) + job + "-" + std::to_string(++count_);
    entries_.push_back({id, job, std::move(picture)});
    return id;
  }

  std::optional<EncodedPicture> find(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : entries_) {
      if (entry.id == id) return entry.picture;
    }
    return std::nullopt;
  }

 private:
  static constexpr std::size_t kKept = 16;  // jobs
  struct Entry {
    std::string id, job;
    EncodedPicture picture;
  };
  mutable std::mutex mutex_;
  std::deque<Entry> entries_;  // guarded by mutex_
  std::uint64_t count_ = 0;    // guarded by mutex_
};

}  // namespace atelier::scheduler
