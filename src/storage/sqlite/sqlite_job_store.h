// The job store in one SQLite file. Thread-safe by one lock: every call takes well under a
// millisecond but the writes, which wait for the disk (a job must survive a power cut once it is
// acknowledged). A row that cannot be read is set aside: it is marked with the reason, lists and
// the queue go on without it, and asking for it is Error(kInternal) with that reason. The next
// start tries it again.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "domain/jobs/job_store.h"
#include "storage/sqlite/database.h"

namespace atelier::storage {

class SqliteJobStore final : public domain::JobStore {
 public:
  // Creates the tables or brings older ones up to date; refuses a file written by a newer version
  // (kUnsupported).
  explicit SqliteJobStore(const std::string& path);

  void insert(const domain::Job& job) override;
  std::optional<domain::Job> find(const std::string& id) override;
  std::vector<domain::Job> recent(const domain::JobFilter& filter) override;
  std::vector<domain::Job> queued(int limit) override;
  std::vector<domain::Job> running() override;
  int count_queued(int priority) override;
  bool claim(const std::string& id, std::int64_t started_ms) override;
  bool requeue(const std::string& id, const std::string& reason, domain::Requeue counted) override;
  bool keep_steps(const domain::Job& job) override;
  bool finish(const domain::Job& job, domain::JobState expected) override;
  std::int64_t reserve_events(std::int64_t count) override;

  // All strings in the jobs' inputs and finished steps that have the form of an artifact's id, of
  // unreadable rows as well; nullopt when the table of jobs is empty, as in a new database.
  std::optional<std::set<std::string>> named_artifacts();

 private:
  void migrate();
  std::vector<domain::Job> read_rows(Statement& rows);
  void set_aside(const std::string& id, const std::string& why);

  std::mutex mutex_;
  Database database_;  // guarded by mutex_
};

}  // namespace atelier::storage
