#include "storage/sqlite/schema.h"

#include <array>
#include <string>
#include <string_view>

#include "platform/error.h"

namespace atelier::storage {
namespace {

// Step i leads from schema version i to i + 1; the last one's end is the version of this program.
// Steps are only added, never changed.
constexpr std::array<std::string_view, 9> kSchemaSteps{
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
    // The queue is planned from indexes that have all members of a light row, and those of their
    // own conditions: SQLite reads the row itself for what an index does not have. An ended job
    // needs no model.
    R"(
  ALTER TABLE jobs ADD COLUMN model TEXT NOT NULL DEFAULT '';
  ALTER TABLE jobs ADD COLUMN finished_count INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE jobs ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE jobs ADD COLUMN node TEXT NOT NULL DEFAULT '';
  ALTER TABLE jobs ADD COLUMN idempotency_key TEXT NOT NULL DEFAULT '';
  UPDATE jobs SET finished_count = json_array_length(finished_steps)
    WHERE finished_steps <> '' AND json_valid(finished_steps);
  UPDATE jobs SET model = coalesce(json_extract(input, '$.parameters.model'), '')
    WHERE state IN ('queued', 'running') AND json_valid(input)
      AND coalesce(json_array_length(input, '$.steps'), 0) = 0
      AND json_type(input, '$.parameters.model') = 'text';
  UPDATE jobs SET
      model = json_extract(input, '$.steps[' || finished_count || '].parameters.model')
    WHERE state IN ('queued', 'running') AND json_valid(input)
      AND json_type(input, '$.steps[' || finished_count || '].parameters.model') = 'text';
  UPDATE jobs SET node = 'local' WHERE state = 'running';
  DROP INDEX jobs_waiting;
  CREATE INDEX jobs_of_state ON jobs (state, sequence);
  CREATE INDEX jobs_waiting ON jobs (priority, rank, sequence, client, task, model, created_ms,
      finished_count, state, set_aside) WHERE state = 'queued' AND set_aside = '';
  CREATE INDEX jobs_waiting_of_client ON jobs (priority, client, rank, sequence, task, model,
      created_ms, finished_count, state, set_aside) WHERE state = 'queued' AND set_aside = '';
  CREATE INDEX jobs_ended ON jobs (sequence, finished_ms, state)
    WHERE state IN ('succeeded', 'failed', 'cancelled');
  CREATE INDEX jobs_at_the_front ON jobs (rank) WHERE rank < 0;
  CREATE UNIQUE INDEX jobs_with_key ON jobs (client, idempotency_key) WHERE idempotency_key <> '';
  CREATE TABLE paused (priority INTEGER PRIMARY KEY);
)",
    // What the plan needs of the next run of a waiting job, and what runs took.
    R"(
  ALTER TABLE jobs ADD COLUMN run_task TEXT NOT NULL DEFAULT '';
  ALTER TABLE jobs ADD COLUMN memory_mode TEXT NOT NULL DEFAULT '';
  ALTER TABLE jobs ADD COLUMN pixels INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE jobs ADD COLUMN steps INTEGER NOT NULL DEFAULT 1;
  UPDATE jobs SET run_task = task WHERE state IN ('queued', 'running');
  UPDATE jobs SET run_task = json_extract(input, '$.steps[' || finished_count || '].task')
    WHERE state IN ('queued', 'running') AND json_valid(input)
      AND json_type(input, '$.steps[' || finished_count || '].task') = 'text';
  DROP INDEX jobs_waiting;
  DROP INDEX jobs_waiting_of_client;
  CREATE INDEX jobs_waiting ON jobs (priority, rank, sequence, client, task, model, created_ms,
      finished_count, run_task, memory_mode, pixels, steps, state, set_aside)
    WHERE state = 'queued' AND set_aside = '';
  CREATE INDEX jobs_waiting_of_client ON jobs (priority, client, rank, sequence, task, model,
      created_ms, finished_count, run_task, memory_mode, pixels, steps, state, set_aside)
    WHERE state = 'queued' AND set_aside = '';
  CREATE TABLE costs (
    engine TEXT NOT NULL, model TEXT NOT NULL, task TEXT NOT NULL, size INTEGER NOT NULL,
    bytes INTEGER NOT NULL, us INTEGER NOT NULL,
    PRIMARY KEY (engine, model, task, size)) WITHOUT ROWID;
)",
    // `place` is the order in the queue: a job whose priority is changed moves to the end there,
    // while `sequence` remains the order of acceptance. Between two accepted jobs there is room for
    // a million that are moved.
    R"(
  ALTER TABLE jobs ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE jobs ADD COLUMN request_digest TEXT NOT NULL DEFAULT '';
  ALTER TABLE jobs ADD COLUMN repeat_of TEXT NOT NULL DEFAULT '';
  UPDATE jobs SET place = sequence << 20;
  DROP INDEX jobs_waiting;
  DROP INDEX jobs_waiting_of_client;
  CREATE INDEX jobs_waiting ON jobs (priority, rank, place, client, task, model, created_ms,
      finished_count, run_task, memory_mode, pixels, steps, state, set_aside)
    WHERE state = 'queued' AND set_aside = '';
  CREATE INDEX jobs_waiting_of_client ON jobs (priority, client, rank, place, task, model,
      created_ms, finished_count, run_task, memory_mode, pixels, steps, state, set_aside)
    WHERE state = 'queued' AND set_aside = '';
  CREATE INDEX jobs_that_repeat ON jobs (repeat_of) WHERE repeat_of <> '';
)",
};

}  // namespace

void bring_up_to_date(Database& database) {
  // FULL: a commit has reached the disk when it returns; WAL: readers do not wait for writers.
  database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
  Statement version(database, "PRAGMA user_version");
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
  database.execute("BEGIN IMMEDIATE;" + steps +
                   "PRAGMA user_version=" + std::to_string(kSchemaVersion) + "; COMMIT;");
}

}  // namespace atelier::storage
