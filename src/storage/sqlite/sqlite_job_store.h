// The job store in one SQLite file. Thread-safe by one lock: every call takes well under a
// millisecond but the writes, which wait for the disk (a job must survive a power cut once it is
// acknowledged).
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "domain/jobs/job_store.h"
#include "storage/sqlite/database.h"

namespace atelier::storage {

class SqliteJobStore final : public domain::JobStore {
 public:
  // Creates the tables; refuses a file written by a newer version (kUnsupported).
  explicit SqliteJobStore(const std::string& path);

  void insert(const domain::Job& job) override;
  std::optional<domain::Job> find(const std::string& id) override;
  std::vector<domain::Job> recent(const domain::JobFilter& filter) override;
  std::vector<domain::Job> queued(int limit) override;
  std::vector<domain::Job> running() override;
  int count_queued(int priority) override;
  bool claim(const std::string& id, std::int64_t started_ms) override;
  bool requeue(const std::string& id, const std::string& reason, domain::Requeue counted) override;
  bool finish(const domain::Job& job, domain::JobState expected) override;

 private:
  void migrate();
  std::vector<domain::Job> select(std::string_view where, std::int64_t limit);

  std::mutex mutex_;
  Database database_;  // guarded by mutex_
};

}  // namespace atelier::storage
