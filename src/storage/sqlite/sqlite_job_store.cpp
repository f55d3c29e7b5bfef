#include "storage/sqlite/sqlite_job_store.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "platform/error.h"
#include "platform/log.h"
#include "storage/sqlite/job_json.h"

namespace atelier::storage {
namespace {

using domain::Job;
using domain::JobState;

// Step i leads from schema version i to i + 1; the last one's end is the version of this program.
// Steps are only added, never changed.
constexpr std::array<std::string_view, 6> kSchemaSteps{
    R"(
  CREATE TABLE jobs (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, client TEXT NOT NULL, state TEXT NOT NULL,
    priority INTEGER NOT NULL, attempt INTEGER NOT NULL, created_ms INTEGER NOT NULL,
    started_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL, reason TEXT NOT NULL,
    input TEXT NOT NULL, result TEXT NOT NULL, failure_code TEXT NOT NULL,
    failure_sentence TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX jobs_waiting ON jobs (state, priority DESC, id);
)",
    "ALTER TABLE jobs ADD COLUMN station_crashes INTEGER NOT NULL DEFAULT 0;",
    // The order of jobs and events no longer depends on the clock. Event ids were times
    // (microseconds) before; new ones are greater than all that may have been sent.
    R"(
  ALTER TABLE jobs ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE jobs ADD COLUMN last_event INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE jobs ADD COLUMN set_aside TEXT NOT NULL DEFAULT '';
  UPDATE jobs SET last_event = finished_ms * 1000, sequence = ranked.place
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM jobs) AS ranked
    WHERE ranked.id = jobs.id;
  DROP INDEX jobs_waiting;
  CREATE INDEX jobs_waiting ON jobs (state, priority DESC, sequence);
  CREATE UNIQUE INDEX jobs_in_sequence ON jobs (sequence);
  CREATE INDEX jobs_set_aside ON jobs (id) WHERE set_aside <> '';
  CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  INSERT INTO counters SELECT 'events', CASE WHEN count(*) = 0 THEN 0 ELSE 1000000 + 1000 *
      max(strftime('%s', 'now') * 1000, max(created_ms), max(started_ms), max(finished_ms)) END
    FROM jobs;
)",
    // A job is of any task, with attachments by role and typed outputs. What is not JSON was
    // unreadable before and stays so.
    R"(
  ALTER TABLE jobs RENAME COLUMN kind TO task;
  UPDATE jobs SET input = json_object(
      'parameters', json_extract(input, '$.generation'),
      'attachments', json_patch(
          iif(coalesce(json_extract(input, '$.image_artifact'), '') = '', '{}',
              json_object('image', json_extract(input, '$.image_artifact'))),
          iif(coalesce(json_extract(input, '$.mask_artifact'), '') = '', '{}',
              json_object('mask', json_extract(input, '$.mask_artifact')))),
      'warnings', coalesce(json_extract(input, '$.warnings'), json_array()))
    WHERE json_valid(input) AND json_type(input, '$.generation') = 'object';
  UPDATE jobs SET result = json_object(
      'outputs', (SELECT json_group_array(json_object(
          'kind', 'picture', 'artifact', value, 'media_type', 'image/png'))
        FROM json_each(result, '$.artifacts')),
      'used', json_extract(result, '$.used'), 'timing', json_extract(result, '$.timing'))
    WHERE json_valid(result) AND json_type(result, '$.artifacts') = 'array';
  CREATE INDEX jobs_of_task ON jobs (task, sequence);
)",
    "ALTER TABLE jobs ADD COLUMN failure_field TEXT NOT NULL DEFAULT '';",
    // What the finished steps of a composite job made, until it ends.
    "ALTER TABLE jobs ADD COLUMN finished_steps TEXT NOT NULL DEFAULT '';",
};

constexpr std::string_view kColumns =
    "id, client, state, priority, attempt, created_ms, started_ms, finished_ms, reason, input, "
    "result, failure_code, failure_sentence, station_crashes, last_event, set_aside, task, "
    "failure_field, finished_steps";
constexpr int kSetAsideColumn = 15;
constexpr int kTaskColumn = 16;
constexpr int kFailureFieldColumn = 17;
constexpr int kFinishedStepsColumn = 18;

std::string unreadable(const std::string& id, const std::string& why) {
  return "job " + id + " cannot be read from the database (" + why +
         "): it is set aside and the rest goes on; send it again";
}

Job read_row(const Statement& row) {
  Job job;
  job.id = row.text(0);
  job.client = row.text(1);
  const auto state = domain::job_state_from_name(row.text(2));
  if (!state) throw Error(ErrorCode::kCorruptData, "job " + job.id + " has an unknown state");
  job.state = *state;
  job.priority = static_cast<int>(row.integer(3));
  job.attempt = static_cast<int>(row.integer(4));
  job.created_ms = row.integer(5);
  job.started_ms = row.integer(6);
  job.finished_ms = row.integer(7);
  job.reason = row.text(8);
  const auto task = row.text(kTaskColumn);
  job.input = read_input(task, row.text(9));
  if (const auto steps = row.text(kFinishedStepsColumn); !steps.empty()) {
    job.finished_steps = read_steps(job.input, steps);
  }
  if (const auto result = row.text(10); !result.empty()) {
    job.result = read_result(task, result);
  }
  if (job.state == JobState::kFailed) {
    job.failure = domain::JobFailure{error_code_from_name(row.text(11)), row.text(12),
                                     row.text(kFailureFieldColumn)};
  }
  job.station_crashes = static_cast<int>(row.integer(13));
  job.last_event = row.integer(14);
  job.progress.stage = row.text(2);
  if (job.state == JobState::kSucceeded) job.progress.fraction = 1;
  return job;
}

std::string_view name(JobState state) { return domain::job_state_name(state); }

}  // namespace

SqliteJobStore::SqliteJobStore(const std::string& path) : database_(path) {
  migrate();
  // This version of the program may be able to read them.
  database_.execute("UPDATE jobs SET set_aside = '' WHERE set_aside <> ''");
}

void SqliteJobStore::migrate() {
  // FULL: a commit has reached the disk when it returns; WAL: readers do not wait for writers.
  database_.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
  Statement version(database_, "PRAGMA user_version");
  version.step();
  const auto found = version.integer(0);
  constexpr auto kSchemaVersion = std::ssize(kSchemaSteps);
  if (found > kSchemaVersion) {
    throw Error(ErrorCode::kUnsupported,
                "the database was written by a newer version of this program (schema " +
                    std::to_string(found) + ", this program supports " +
                    std::to_string(kSchemaVersion) +
                    "): update the program or choose another home folder");
  }
  if (found == kSchemaVersion) return;
  version.run();
  std::string steps;
  for (auto step = found; step < kSchemaVersion; ++step) {
    steps += kSchemaSteps[static_cast<std::size_t>(step)];
  }
  database_.execute("BEGIN IMMEDIATE;" + steps +
                    "PRAGMA user_version=" + std::to_string(kSchemaVersion) + "; COMMIT;");
}

void SqliteJobStore::insert(const Job& job) {
  const std::lock_guard lock(mutex_);
  Statement(database_,
            "INSERT INTO jobs (id, task, client, state, priority, attempt, created_ms, started_ms, "
            "finished_ms, reason, input, result, failure_code, failure_sentence, sequence) "
            "VALUES (?,?,?,?,?,?,?,?,?,?,?,'','','',"
            "(SELECT coalesce(max(sequence), 0) + 1 FROM jobs))")
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
      .bind(11, write_input(job.input))
      .run();
}

// The mark avoids reading the row again: without it, on a full disk, the row is skipped each time.
void SqliteJobStore::set_aside(const std::string& id, const std::string& why) {
  platform::log_error(unreadable(id, why));
  try {
    Statement(database_, "UPDATE jobs SET set_aside = ? WHERE id = ?")
        .bind(1, why)
        .bind(2, id)
        .run();
  } catch (const Error& error) {
    platform::log_error("job " + id + " is not marked as unreadable: " + error.what());
  }
}

std::vector<Job> SqliteJobStore::read_rows(Statement& rows) {
  std::vector<Job> jobs;
  std::vector<std::pair<std::string, std::string>> damaged;
  while (rows.step()) {
    try {
      jobs.push_back(read_row(rows));
    } catch (const Error& why) {
      damaged.emplace_back(rows.text(0), why.what());
    }
  }
  for (const auto& [id, why] : damaged) set_aside(id, why);
  return jobs;
}

std::optional<Job> SqliteJobStore::find(const std::string& id) {
  const std::lock_guard lock(mutex_);
  Statement row(database_, "SELECT " + std::string(kColumns) + " FROM jobs WHERE id = ?");
  row.bind(1, id);
  if (!row.step()) return std::nullopt;
  auto why = row.text(kSetAsideColumn);
  if (why.empty()) {
    try {
      return read_row(row);
    } catch (const Error& error) {
      why = error.what();
    }
    set_aside(id, why);
  }
  throw Error(ErrorCode::kInternal, unreadable(id, why));  // not a fault of the request
}

std::vector<Job> SqliteJobStore::recent(const domain::JobFilter& filter) {
  std::string where = "set_aside = ''";
  std::string states;
  for (const auto state : filter.states) {
    states += (states.empty() ? "'" : ", '") + std::string(name(state)) + "'";
  }
  if (!states.empty()) where += " AND state IN (" + states + ")";
  if (!filter.task.empty()) where += " AND task = ?";
  if (!filter.before.empty()) where += " AND sequence < (SELECT sequence FROM jobs WHERE id = ?)";
  const std::lock_guard lock(mutex_);
  Statement rows(database_, "SELECT " + std::string(kColumns) + " FROM jobs WHERE " + where +
                                " ORDER BY sequence DESC LIMIT ?");
  int place = 0;
  if (!filter.task.empty()) rows.bind(++place, filter.task);
  if (!filter.before.empty()) rows.bind(++place, filter.before);
  rows.bind(++place, filter.limit);
  return read_rows(rows);
}

std::vector<Job> SqliteJobStore::queued(int limit) {
  const std::lock_guard lock(mutex_);
  Statement rows(database_, "SELECT " + std::string(kColumns) +
                                " FROM jobs WHERE state = 'queued' AND set_aside = '' "
                                "ORDER BY priority DESC, sequence LIMIT ?");
  rows.bind(1, limit);
  return read_rows(rows);
}

std::vector<Job> SqliteJobStore::running() {
  const std::lock_guard lock(mutex_);
  Statement rows(database_, "SELECT " + std::string(kColumns) +
                                " FROM jobs WHERE state = 'running' AND set_aside = '' "
                                "ORDER BY sequence");
  return read_rows(rows);
}

int SqliteJobStore::count_queued(int priority) {
  const std::lock_guard lock(mutex_);
  Statement row(database_,
                "SELECT count(*) FROM jobs "
                "WHERE state = 'queued' AND priority = ? AND set_aside = ''");
  row.bind(1, priority);
  row.step();
  return static_cast<int>(row.integer(0));
}

std::int64_t SqliteJobStore::reserve_events(std::int64_t count) {
  const std::lock_guard lock(mutex_);
  Statement row(database_,
                "UPDATE counters SET value = value + ? WHERE name = 'events' RETURNING value");
  row.bind(1, count);
  if (!row.step())
    throw Error(ErrorCode::kInternal,
                "the database has no row in its table of event ids: restore the database or start "
                "with a new one");
  const auto end = row.integer(0);
  row.run();
  return end - count + 1;
}

std::optional<std::set<std::string>> SqliteJobStore::named_artifacts() {
  constexpr std::size_t kIdLetters = 32;
  constexpr std::string_view kHex = "0123456789abcdef";
  const std::lock_guard lock(mutex_);
  Statement rows(database_, "SELECT input || ' ' || finished_steps FROM jobs");
  std::optional<std::set<std::string>> names;
  while (rows.step()) {
    if (!names) names.emplace();
    const auto text = rows.text(0);
    for (std::size_t at = 0; (at = text.find_first_of(kHex, at)) != std::string::npos;) {
      const auto end = std::min(text.find_first_not_of(kHex, at), text.size());
      if (end - at == kIdLetters) names->insert(text.substr(at, kIdLetters));
      at = end;
    }
  }
  return names;
}

bool SqliteJobStore::claim(const std::string& id, std::int64_t started_ms) {
  const std::lock_guard lock(mutex_);
  Statement(database_,
            "UPDATE jobs SET state = 'running', attempt = attempt + 1, started_ms = ? "
            "WHERE id = ? AND state = 'queued'")
      .bind(1, started_ms)
      .bind(2, id)
      .run();
  return database_.changes() == 1;
}

bool SqliteJobStore::requeue(const std::string& id, const std::string& reason,
                             domain::Requeue counted) {
  const std::lock_guard lock(mutex_);
  Statement(database_,
            "UPDATE jobs SET state = 'queued', started_ms = 0, reason = ?, attempt = attempt - ?, "
            "station_crashes = station_crashes + ? WHERE id = ? AND state = 'running'")
      .bind(1, reason)
      .bind(2, counted == domain::Requeue::kAfterAttempt ? 0 : 1)
      .bind(3, counted == domain::Requeue::kAfterStationCrash ? 1 : 0)
      .bind(4, id)
      .run();
  return database_.changes() == 1;
}

bool SqliteJobStore::keep_steps(const Job& job) {
  const std::lock_guard lock(mutex_);
  Statement(database_, "UPDATE jobs SET finished_steps = ? WHERE id = ? AND state = 'running'")
      .bind(1, write_steps(job))
      .bind(2, job.id)
      .run();
  return database_.changes() == 1;
}

bool SqliteJobStore::finish(const Job& job, JobState expected) {
  const std::lock_guard lock(mutex_);
  Statement(database_,
            "UPDATE jobs SET state = ?, finished_ms = ?, reason = ?, result = ?, failure_code = ?, "
            "failure_sentence = ?, failure_field = ?, last_event = ?, finished_steps = '' "
            "WHERE id = ? AND state = ?")
      .bind(1, name(job.state))
      .bind(2, job.finished_ms)
      .bind(3, job.reason)
      .bind(4, job.result ? write_result(*job.result) : std::string{})
      .bind(5, job.failure ? error_code_name(job.failure->code) : std::string_view{})
      .bind(6, job.failure ? job.failure->sentence : std::string{})
      .bind(7, job.failure ? job.failure->field : std::string{})
      .bind(8, job.last_event)
      .bind(9, job.id)
      .bind(10, name(expected))
      .run();
  return database_.changes() == 1;
}

}  // namespace atelier::storage
