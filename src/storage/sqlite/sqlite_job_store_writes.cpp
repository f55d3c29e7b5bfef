#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "domain/jobs/steps.h"
#include "domain/settings/limits.h"
#include "platform/check.h"
#include "platform/error.h"
#include "platform/log.h"
#include "storage/sqlite/filter_text.h"
#include "storage/sqlite/job_json.h"
#include "storage/sqlite/job_row.h"
#include "storage/sqlite/sqlite_job_store.h"

namespace atelier::storage {
namespace {

using domain::Job;
using domain::JobState;

std::string_view name(JobState state) { return domain::job_state_name(state); }

// As its index has it, word for word.
constexpr std::string_view kEnded = "state IN ('succeeded', 'failed', 'cancelled')";

constexpr std::string_view kInsert =
    "INSERT INTO jobs (id, task, client, state, priority, attempt, created_ms, started_ms, "
    "finished_ms, reason, input, result, failure_code, failure_sentence, model, finished_count, "
    "idempotency_key, run_task, memory_mode, pixels, steps, request_digest, repeat_of, sequence, "
    "place) "
    "VALUES (?,?,?,?,?,?,?,?,?,?,?,'','','',?,0,?,?,?,?,?,?,?,"
    "(SELECT coalesce(max(sequence), 0) + 1 FROM jobs), "
    "(SELECT coalesce(max(sequence), 0) + 1 FROM jobs) << 20) "
    "ON CONFLICT (client, idempotency_key) WHERE idempotency_key <> '' DO NOTHING";

// Behind all jobs of the priority that are waiting, or running and may wait again; those that are
// accepted later come behind it (schema.cpp, `place`).
constexpr std::string_view kEndOfQueue =
    "SELECT 1 + max(coalesce((SELECT max(sequence) FROM jobs), 0) << 20, "
    "coalesce((SELECT max(place) FROM jobs INDEXED BY jobs_waiting WHERE state = 'queued' "
    "AND set_aside = '' AND priority = ?1 AND rank = 0), 0), "
    "coalesce((SELECT max(place) FROM jobs WHERE state = 'running' AND priority = ?1), 0))";

void forget_old_key(Database& database, const std::string& client,
                    const domain::InsertOptions& options) {
  Statement(database,
            "UPDATE jobs SET idempotency_key = '', request_digest = '' WHERE client = ? "
            "AND idempotency_key = ? AND idempotency_key <> '' AND created_ms < ?")
      .bind(1, client)
      .bind(2, options.request.key)
      .bind(3, options.keys_since_ms)
      .run();
}

domain::Inserted job_of_key(Database& database, const std::string& client, const std::string& key) {
  Statement row(database,
                "SELECT id, request_digest FROM jobs WHERE client = ? AND idempotency_key = ? "
                "AND idempotency_key <> ''");
  row.bind(1, client).bind(2, key);
  CHECK(row.step());
  return {.id = row.text(0), .is_new = false, .digest = row.text(1)};
}

std::int64_t rounded(double size) { return std::llround(std::clamp(size, 1.0, 1e15)); }

bool is_known(int priority) { return priority >= 0 && priority < domain::kPriorities; }

// What a new row has beside the members of its job, written before the writer's thread takes it.
struct NewRow {
  NewRow(const Job& job, domain::InsertOptions with)
      : input(write_input(job.input)),
        model(domain::model_of_next_run(job)),
        run_task(domain::task_of_next_run(job)),
        work(domain::work_of_next_run(job)),
        options(std::move(with)) {
    CHECK(is_known(job.priority));
  }

  std::string input, model, run_task;
  card::Work work;
  domain::InsertOptions options;
};

QueueChange insert_row(Database& database, const Job& job, const NewRow& row,
                       domain::Inserted& inserted) {
  if (!row.options.request.key.empty()) forget_old_key(database, job.client, row.options);
  Statement(database, kInsert)
      .bind(1, job.id)
      .bind(2, job.input.task())
      .bind(3, job.client)
      .bind(4, name(job.state))
      .bind(5, job.priority)
      .bind(6, job.attempt)
      .bind(7, job.created_ms)
      .bind(8, job.started_ms)
      .bind(9, job.finished_ms)
      .bind(10, job.reason)
      .bind(11, row.input)
      .bind(12, row.model)
      .bind(13, row.options.request.key)
      .bind(14, row.run_task)
      .bind(15, job.input.memory_mode)
      .bind(16, rounded(row.work.pixels))
      .bind(17, rounded(row.work.steps))
      .bind(18, row.options.request.digest)
      .bind(19, job.repeat_of)
      .run();
  inserted = {.id = job.id};
  QueueChange change;
  if (database.changes() == 0) {
    inserted = job_of_key(database, job.client, row.options.request.key);
    return change;
  }
  change.add_queued(job.priority, job.state == JobState::kQueued ? 1 : 0);
  if (row.options.holds_place) change.places_used[static_cast<std::size_t>(job.priority)] = 1;
  return change;
}

// What `UPDATE … RETURNING priority, set_aside` says about a job that has left one state for
// another. A row that is set aside is not counted.
std::optional<QueueChange> moved(Statement& updated, int queued, int running) {
  if (!updated.step()) return std::nullopt;
  QueueChange change;
  if (!updated.text(1).empty()) return change;
  change.add_queued(updated.integer(0), queued);
  change.added.running = running;
  return change;
}

}  // namespace

bool SqliteJobStore::change(const std::function<std::optional<QueueChange>(Database&)>& work) {
  bool applied = false;
  writer_.write([&](Database& database) {
    const auto changed = work(database);
    applied = changed.has_value();
    return changed.value_or(QueueChange{});
  });
  return applied;
}

domain::Inserted SqliteJobStore::insert(const Job& job, const domain::InsertOptions& options) {
  const NewRow row(job, options);
  domain::Inserted inserted;
  writer_.write([&](Database& database) { return insert_row(database, job, row, inserted); });
  return inserted;
}

void SqliteJobStore::insert_later(std::shared_ptr<const Job> job,
                                  const domain::InsertOptions& options,
                                  std::function<void(domain::InsertOutcome)> done) {
  struct Insertion {
    std::shared_ptr<const Job> job;
    NewRow row;
    std::function<void(domain::InsertOutcome)> done;
    domain::Inserted inserted = {};
  };
  const NewRow row(*job, options);
  const auto insertion =
      std::make_shared<Insertion>(Insertion{std::move(job), row, std::move(done)});
  writer_.write_later(
      [insertion](Database& database) {
        return insert_row(database, *insertion->job, insertion->row, insertion->inserted);
      },
      [insertion](const std::exception_ptr& failure) {
        if (failure) return insertion->done(Writer::as_error(failure));
        insertion->done(insertion->inserted);
      });
}

// A row that cannot be read is queued again and set aside in the same transaction.
std::optional<Job> SqliteJobStore::claim(const std::string& id, const std::string& node,
                                         std::int64_t started_ms) {
  std::optional<Job> job;
  std::string damage;
  writer_.write([&](Database& database) {
    job.reset();
    damage.clear();
    QueueChange change;
    {
      Statement row(database,
                    "UPDATE jobs SET state = 'running', attempt = attempt + 1, started_ms = ?, "
                    "node = ? WHERE id = ? AND state = 'queued' AND set_aside = '' RETURNING " +
                        std::string(kJobColumns));
      row.bind(1, started_ms).bind(2, node).bind(3, id);
      if (!row.step()) return change;
      change.add_queued(row.integer(kPriorityColumn), -1);
      change.added.running = 1;
      try {
        job = read_row(row);
      } catch (const Error& error) {
        damage = error.what();
      }
    }
    if (damage.empty()) return change;
    change.added.running = 0;
    Statement(database,
              "UPDATE jobs SET state = 'queued', attempt = attempt - 1, started_ms = 0, "
              "node = '', set_aside = ? WHERE id = ?")
        .bind(1, damage)
        .bind(2, id)
        .run();
    return change;
  });
  if (!damage.empty()) platform::log_error(unreadable(id, damage));
  return job;
}

bool SqliteJobStore::requeue(const std::string& id, const std::string& reason,
                             domain::Requeue counted) {
  return change([&](Database& database) {
    Statement row(database,
                  "UPDATE jobs SET state = 'queued', started_ms = 0, node = '', reason = ?, "
                  "attempt = attempt - ?, station_crashes = station_crashes + ? "
                  "WHERE id = ? AND state = 'running' RETURNING priority, set_aside");
    row.bind(1, reason)
        .bind(2, counted == domain::Requeue::kAfterAttempt ? 0 : 1)
        .bind(3, counted == domain::Requeue::kAfterStationCrash ? 1 : 0)
        .bind(4, id);
    return moved(row, 1, -1);
  });
}

bool SqliteJobStore::keep_steps(const Job& job) {
  const auto steps = write_steps(job);
  const auto model = domain::model_of_next_run(job);
  const auto work = domain::work_of_next_run(job);
  return change([&](Database& database) {
    Statement row(database,
                  "UPDATE jobs SET finished_steps = ?, finished_count = ?, model = ?, "
                  "run_task = ?, pixels = ?, steps = ? WHERE id = ? AND state = 'running' "
                  "RETURNING priority, set_aside");
    row.bind(1, steps)
        .bind(2, std::ssize(job.finished_steps))
        .bind(3, model)
        .bind(4, domain::task_of_next_run(job))
        .bind(5, rounded(work.pixels))
        .bind(6, rounded(work.steps))
        .bind(7, job.id);
    return moved(row, 0, 0);
  });
}

bool SqliteJobStore::finish(const Job& job, JobState expected) {
  const auto result = job.result ? write_result(*job.result) : std::string{};
  return change([&](Database& database) {
    Statement row(database,
                  "UPDATE jobs SET state = ?, finished_ms = ?, reason = ?, result = ?, "
                  "failure_code = ?, failure_sentence = ?, failure_field = ?, last_event = ?, "
                  "finished_steps = '', finished_count = 0 "
                  "WHERE id = ? AND state = ? RETURNING priority, set_aside");
    row.bind(1, name(job.state))
        .bind(2, job.finished_ms)
        .bind(3, job.reason)
        .bind(4, result)
        .bind(5, job.failure ? error_code_name(job.failure->code) : std::string_view{})
        .bind(6, job.failure ? job.failure->sentence : std::string{})
        .bind(7, job.failure ? job.failure->field : std::string{})
        .bind(8, job.last_event)
        .bind(9, job.id)
        .bind(10, name(expected));
    return moved(row, expected == JobState::kQueued ? -1 : 0,
                 expected == JobState::kRunning ? -1 : 0);
  });
}

bool SqliteJobStore::set_priority(const std::string& id, int priority) {
  CHECK(is_known(priority));
  return change([&](Database& database) -> std::optional<QueueChange> {
    QueueChange change;
    {
      Statement row(database,
                    "SELECT priority FROM jobs WHERE id = ? AND state = 'queued' "
                    "AND set_aside = ''");
      row.bind(1, id);
      if (!row.step()) return std::nullopt;
      change.add_queued(row.integer(0), -1);
      change.add_queued(priority, 1);
    }
    std::int64_t place = 0;
    {
      Statement end(database, kEndOfQueue);
      end.bind(1, priority).step();
      place = end.integer(0);
    }
    Statement(database, "UPDATE jobs SET priority = ?, rank = 0, place = ? WHERE id = ?")
        .bind(1, priority)
        .bind(2, place)
        .bind(3, id)
        .run();
    return change;
  });
}

bool SqliteJobStore::move_to_front(const std::string& id) {
  return change([&](Database& database) {
    Statement row(database,
                  "UPDATE jobs SET "
                  "rank = coalesce((SELECT min(rank) FROM jobs WHERE rank < 0), 0) - 1 "
                  "WHERE id = ? AND state = 'queued' AND set_aside = '' "
                  "RETURNING priority, set_aside");
    row.bind(1, id);
    return moved(row, 0, 0);
  });
}

std::vector<domain::CancelledJob> SqliteJobStore::cancel_queued(
    const domain::QueueFilter& filter, std::int64_t finished_ms,
    const std::function<std::int64_t()>& next_event) {
  const FilterText matches(filter);
  std::vector<domain::CancelledJob> cancelled;
  writer_.write([&](Database& database) {
    cancelled.clear();
    QueueChange change;
    {
      Statement rows(database,
                     "SELECT id, finished_steps, priority FROM jobs WHERE state = 'queued' "
                     "AND set_aside = ''" +
                         matches.conditions() + " ORDER BY sequence");
      int place = 0;
      matches.bind(rows, place);
      while (rows.step()) {
        const auto pictures = artifacts_named_in(rows.text(1));
        cancelled.push_back({.id = rows.text(0),
                             .last_event = next_event(),
                             .step_artifacts = {pictures.begin(), pictures.end()}});
        change.add_queued(rows.integer(2), -1);
      }
    }
    for (const auto& job : cancelled) {
      Statement(database,
                "UPDATE jobs SET state = 'cancelled', finished_ms = max(?, created_ms), "
                "last_event = ?, finished_steps = '', finished_count = 0 WHERE id = ?")
          .bind(1, finished_ms)
          .bind(2, job.last_event)
          .bind(3, job.id)
          .run();
    }
    return change;
  });
  return cancelled;
}

void SqliteJobStore::set_paused(int priority, bool paused) {
  CHECK(is_known(priority));
  writer_.write([&](Database& database) {
    Statement(database, paused ? "INSERT OR IGNORE INTO paused VALUES (?)"
                               : "DELETE FROM paused WHERE priority = ?")
        .bind(1, priority)
        .run();
    return QueueChange{};
  });
}

// A terminal state is never left, so that the jobs may be chosen by a reader.
std::vector<std::string> SqliteJobStore::prune(int keep_ended, std::int64_t before_ms) {
  std::vector<std::string> ids;
  {
    const ReaderPool::Reader reader(readers_);
    const std::string ended(kEnded);
    Statement rows(
        *reader, "SELECT id FROM jobs INDEXED BY jobs_ended WHERE " + ended +
                     " AND finished_ms < ? AND sequence <= "
                     "(SELECT sequence FROM jobs INDEXED BY jobs_ended WHERE " +
                     ended + " ORDER BY sequence DESC LIMIT 1 OFFSET ?) ORDER BY sequence LIMIT ?");
    rows.bind(1, before_ms).bind(2, keep_ended).bind(3, domain::limits::kPruneBatch);
    while (rows.step()) ids.push_back(rows.text(0));
  }
  if (ids.empty()) return ids;
  writer_.write([&](Database& database) {
    for (const auto& id : ids) {
      Statement(database, "DELETE FROM jobs WHERE id = ? AND " + std::string(kEnded))
          .bind(1, id)
          .run();
    }
    return QueueChange{};
  });
  return ids;
}

void SqliteJobStore::keep_costs(const std::vector<domain::Cost>& measured) {
  if (measured.empty()) return;
  writer_.write([&](Database& database) {
    for (const auto& cost : measured) {
      Statement(database, "INSERT OR REPLACE INTO costs VALUES (?,?,?,?,?,?)")
          .bind(1, cost.engine)
          .bind(2, cost.model)
          .bind(3, cost.task)
          .bind(4, cost.size)
          .bind(5, cost.bytes)
          .bind(6, cost.us)
          .run();
    }
    return QueueChange{};
  });
}

std::int64_t SqliteJobStore::reserve_events(std::int64_t count) {
  std::int64_t end = 0;
  writer_.write([&](Database& database) {
    Statement row(database,
                  "UPDATE counters SET value = value + ? WHERE name = 'events' RETURNING value");
    row.bind(1, count);
    if (!row.step()) {
      throw Error(ErrorCode::kInternal,
                  "the database has no row in its table of event ids: restore the database or "
                  "start with a new one");
    }
    end = row.integer(0);
    return QueueChange{};
  });
  return end - count + 1;
}

}  // namespace atelier::storage
