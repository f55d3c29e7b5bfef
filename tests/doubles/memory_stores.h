// Stores that keep everything in memory, for tests of the scheduler: no disk, the same guarantees.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "domain/artifacts/artifact_store.h"
#include "platform/error.h"
#include "tests/doubles/memory_job_store.h"

namespace atelier::scheduler {

class MemoryArtifactStore final : public domain::ArtifactStore {
 public:
  std::string put(std::span<const std::uint8_t> bytes, const std::string& media_type,
                  domain::ArtifactOrigin origin) override {
    const std::lock_guard lock(mutex_);
    const auto id = "artifact-" + std::to_string(made_++);
    artifacts_[id] = {{bytes.begin(), bytes.end()}, media_type};
    if (origin == domain::ArtifactOrigin::kStep) steps_.insert(id);
    uploads_ += origin == domain::ArtifactOrigin::kUploaded ? 1 : 0;
    return id;
  }
  domain::OpenArtifact open(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    const auto found = artifacts_.find(id);
    if (found == artifacts_.end()) throw Error(ErrorCode::kNotFound, "no artifact " + id);
    return {platform::bytes_in_memory(found->second.bytes), found->second.media_type};
  }
  void remove_step(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    if (steps_.erase(id) > 0) artifacts_.erase(id);
  }
  int steps() {  // pictures of steps that are there
    const std::lock_guard lock(mutex_);
    return static_cast<int>(steps_.size());
  }
  void lose_everything() {
    const std::lock_guard lock(mutex_);
    artifacts_.clear();
  }
  int uploads() {
    const std::lock_guard lock(mutex_);
    return uploads_;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, domain::Artifact> artifacts_;  // guarded by mutex_
  std::set<std::string> steps_;                        // guarded by mutex_; ids
  int made_ = 0, uploads_ = 0;                         // guarded by mutex_
};

}  // namespace atelier::scheduler
