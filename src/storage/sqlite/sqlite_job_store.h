// The job store in one SQLite file. Thread-safe: one connection writes (writer.h), others read, and
// reading never waits for the disk. A job must survive a power cut once it is acknowledged, so each
// write waits for the disk; writes of several threads at the same time share that wait. A row that
// cannot be read is set aside: it is marked with the reason, lists and the queue go on without it,
// and asking for it is Error(kInternal) with that reason. The next start tries it again.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "domain/jobs/job_store.h"
#include "storage/sqlite/database.h"
#include "storage/sqlite/queue_counter.h"
#include "storage/sqlite/queue_window.h"
#include "storage/sqlite/reader_pool.h"
#include "storage/sqlite/writer.h"

namespace atelier::storage {

class SqliteJobStore final : public domain::JobStore {
 public:
  // Creates the tables or brings older ones up to date; refuses a file written by a newer version
  // (kUnsupported).
  explicit SqliteJobStore(const std::string& path);

  using domain::JobStore::insert;
  domain::Inserted insert(const domain::Job& job, const domain::InsertOptions& options) override;
  void insert_later(std::shared_ptr<const domain::Job> job, const domain::InsertOptions& options,
                    std::function<void(domain::InsertOutcome)> done) override;
  std::optional<domain::KeyedJob> find_key(const std::string& client, const std::string& key,
                                           std::int64_t since_ms) override;
  bool hold_place(int priority, int queued_max) override;
  void leave_place(int priority) override;
  std::optional<domain::Job> find(const std::string& id) override;
  std::vector<domain::Job> recent(const domain::JobFilter& filter) override;
  std::vector<domain::WaitingJob> window(const domain::WindowSize& size) override;
  domain::QueuePage queue_page(const std::optional<domain::QueuePlace>& after, int limit) override;
  domain::QueueCounts counts() override;
  std::vector<std::string> not_repeated(domain::JobState state, const domain::QueueFilter& filter,
                                        int limit) override;
  std::vector<domain::Job> running(const std::string& node) override;
  std::optional<domain::Job> claim(const std::string& id, const std::string& node,
                                   std::int64_t started_ms) override;
  bool requeue(const std::string& id, const std::string& reason, domain::Requeue counted) override;
  bool keep_steps(const domain::Job& job) override;
  bool finish(const domain::Job& job, domain::JobState expected) override;
  bool set_priority(const std::string& id, int priority) override;
  bool move_to_front(const std::string& id) override;
  std::vector<domain::CancelledJob> cancel_queued(
      const domain::QueueFilter& filter, std::int64_t finished_ms,
      const std::function<std::int64_t()>& next_event) override;
  std::array<bool, domain::kPriorities> paused() override;
  void set_paused(int priority, bool paused) override;
  std::vector<std::string> prune(int keep_ended, std::int64_t before_ms) override;
  std::vector<domain::Cost> costs() override;
  void keep_costs(const std::vector<domain::Cost>& measured) override;
  std::int64_t reserve_events(std::int64_t count) override;

  // All strings in the jobs' inputs and finished steps that have the form of an artifact's id, of
  // unreadable rows as well; nullopt when the table of jobs is empty, as in a new database.
  std::optional<std::set<std::string>> named_artifacts();

 private:
  using Damaged = std::vector<std::pair<std::string, std::string>>;  // id, why

  // nullopt of the work: the update did not apply.
  bool change(const std::function<std::optional<QueueChange>(Database&)>& work);
  std::vector<domain::Job> read_rows(Statement& rows, Damaged& damaged);
  void set_aside(const Damaged& damaged);

  Database written_;  // of the writer
  QueueCounter counter_;
  Writer writer_;
  ReaderPool readers_;
  QueueWindow window_;
};

}  // namespace atelier::storage
