// Opening, and everything that reads; sqlite_job_store_writes.cpp has what writes.
#include "storage/sqlite/sqlite_job_store.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "platform/error.h"
#include "platform/log.h"
#include "storage/sqlite/filter_text.h"
#include "storage/sqlite/job_row.h"
#include "storage/sqlite/schema.h"

namespace atelier::storage {
namespace {

using domain::Job;

// Each serves one thread of the HTTP pool or the scheduler at a time.
constexpr int kReaders = 4;

constexpr std::string_view kNotRepeated =
    " AND NOT EXISTS (SELECT 1 FROM jobs AS later WHERE later.repeat_of <> '' "
    "AND later.repeat_of = jobs.id)";

}  // namespace

SqliteJobStore::SqliteJobStore(const std::string& path)
    : written_(path), writer_(written_, counter_) {
  bring_up_to_date(written_);
  // This version of the program may be able to read them.
  written_.execute("UPDATE jobs SET set_aside = '' WHERE set_aside <> ''");
  counter_.apply({.counted = counted_jobs(written_)});
  readers_.open(path, kReaders);
}

bool SqliteJobStore::hold_place(int priority, int queued_max) {
  return counter_.hold_place(priority, queued_max);
}

void SqliteJobStore::leave_place(int priority) { counter_.leave_place(priority); }

domain::QueueCounts SqliteJobStore::counts() { return counter_.counts(); }

// The mark avoids reading the row again: without it, on a full disk, the row is skipped each time.
void SqliteJobStore::set_aside(const Damaged& damaged) {
  if (damaged.empty()) return;
  for (const auto& [id, why] : damaged) platform::log_error(unreadable(id, why));
  try {
    writer_.write([&](Database& database) {
      for (const auto& [id, why] : damaged) {
        Statement(database, "UPDATE jobs SET set_aside = ? WHERE id = ?")
            .bind(1, why)
            .bind(2, id)
            .run();
      }
      // What such a row was counted as is not known: its state may be what is damaged.
      return QueueChange{.counted = counted_jobs(database)};
    });
  } catch (const Error& error) {
    for (const auto& [id, why] : damaged) {
      platform::log_error("job " + id + " is not marked as unreadable: " + error.what());
    }
  }
}

std::vector<Job> SqliteJobStore::read_rows(Statement& rows, Damaged& damaged) {
  std::vector<Job> jobs;
  while (rows.step()) {
    try {
      jobs.push_back(read_row(rows));
    } catch (const Error& why) {
      damaged.emplace_back(rows.text(0), why.what());
    }
  }
  return jobs;
}

std::optional<Job> SqliteJobStore::find(const std::string& id) {
  std::string why;
  {
    const ReaderPool::Reader reader(readers_);
    Statement row(*reader, "SELECT " + std::string(kJobColumns) + " FROM jobs WHERE id = ?");
    row.bind(1, id);
    if (!row.step()) return std::nullopt;
    why = row.text(kSetAsideColumn);
    if (!why.empty()) throw Error(ErrorCode::kInternal, unreadable(id, why));
    try {
      return read_row(row);
    } catch (const Error& error) {
      why = error.what();
    }
  }
  set_aside({{id, why}});
  throw Error(ErrorCode::kInternal, unreadable(id, why));  // not a fault of the request
}

std::vector<Job> SqliteJobStore::recent(const domain::JobFilter& filter) {
  std::string where = "set_aside = ''";
  std::string states;
  for (const auto state : filter.states) {
    states += (states.empty() ? "'" : ", '") + std::string(domain::job_state_name(state)) + "'";
  }
  if (!states.empty()) where += " AND state IN (" + states + ")";
  if (!filter.task.empty()) where += " AND task = ?";
  if (!filter.client.empty()) where += " AND client = ?";
  if (filter.not_repeated) where += kNotRepeated;
  if (!filter.before.empty()) where += " AND sequence < (SELECT sequence FROM jobs WHERE id = ?)";
  Damaged damaged;
  std::vector<Job> jobs;
  {
    const ReaderPool::Reader reader(readers_);
    Statement rows(*reader, "SELECT " + std::string(kJobColumns) + " FROM jobs WHERE " + where +
                                " ORDER BY sequence DESC LIMIT ?");
    int place = 0;
    if (!filter.task.empty()) rows.bind(++place, filter.task);
    if (!filter.client.empty()) rows.bind(++place, filter.client);
    if (!filter.before.empty()) rows.bind(++place, filter.before);
    rows.bind(++place, filter.limit);
    jobs = read_rows(rows, damaged);
  }
  set_aside(damaged);
  return jobs;
}

std::vector<domain::WaitingJob> SqliteJobStore::window(const domain::WindowSize& size) {
  const ReaderPool::Reader reader(readers_);
  return window_.read(*reader, size);
}

domain::QueuePage SqliteJobStore::queue_page(const std::optional<domain::QueuePlace>& after,
                                             int limit) {
  const ReaderPool::Reader reader(readers_);
  return read_queue_page(*reader, after, limit);
}

std::vector<std::string> SqliteJobStore::not_repeated(domain::JobState state,
                                                      const domain::QueueFilter& filter,
                                                      int limit) {
  const FilterText matches(filter);
  std::vector<std::string> ids;
  const ReaderPool::Reader reader(readers_);
  Statement rows(*reader, "SELECT id FROM jobs WHERE state = ? AND set_aside = ''" +
                              matches.conditions() + std::string(kNotRepeated) +
                              " ORDER BY sequence LIMIT ?");
  int place = 0;
  rows.bind(++place, domain::job_state_name(state));
  matches.bind(rows, place);
  rows.bind(++place, limit);
  while (rows.step()) ids.push_back(rows.text(0));
  return ids;
}

std::optional<domain::KeyedJob> SqliteJobStore::find_key(const std::string& client,
                                                         const std::string& key,
                                                         std::int64_t since_ms) {
  const ReaderPool::Reader reader(readers_);
  Statement row(*reader,
                "SELECT id, request_digest FROM jobs WHERE client = ? AND idempotency_key = ? "
                "AND idempotency_key <> '' AND created_ms >= ?");
  row.bind(1, client).bind(2, key).bind(3, since_ms);
  if (!row.step()) return std::nullopt;
  return domain::KeyedJob{row.text(0), row.text(1)};
}

std::vector<Job> SqliteJobStore::running(const std::string& node) {
  Damaged damaged;
  std::vector<Job> jobs;
  {
    const ReaderPool::Reader reader(readers_);
    Statement rows(*reader, "SELECT " + std::string(kJobColumns) +
                                " FROM jobs WHERE state = 'running' AND set_aside = '' "
                                "AND node = ? ORDER BY sequence");
    rows.bind(1, node);
    jobs = read_rows(rows, damaged);
  }
  set_aside(damaged);
  return jobs;
}

std::vector<domain::Cost> SqliteJobStore::costs() {
  std::vector<domain::Cost> costs;
  const ReaderPool::Reader reader(readers_);
  Statement rows(*reader, "SELECT engine, model, task, size, bytes, us FROM costs");
  while (rows.step()) {
    costs.push_back({.engine = rows.text(0),
                     .model = rows.text(1),
                     .task = rows.text(2),
                     .size = static_cast<int>(rows.integer(3)),
                     .bytes = rows.integer(4),
                     .us = rows.integer(5)});
  }
  return costs;
}

std::array<bool, domain::kPriorities> SqliteJobStore::paused() {
  std::array<bool, domain::kPriorities> paused{};
  const ReaderPool::Reader reader(readers_);
  Statement rows(*reader, "SELECT priority FROM paused");
  while (rows.step()) {
    const auto priority = rows.integer(0);
    if (priority >= 0 && priority < domain::kPriorities) {
      paused[static_cast<std::size_t>(priority)] = true;
    }
  }
  return paused;
}

std::optional<std::set<std::string>> SqliteJobStore::named_artifacts() {
  const ReaderPool::Reader reader(readers_);
  Statement rows(*reader, "SELECT input || ' ' || finished_steps FROM jobs");
  std::optional<std::set<std::string>> names;
  while (rows.step()) {
    if (!names) names.emplace();
    names->merge(artifacts_named_in(rows.text(0)));
  }
  return names;
}

}  // namespace atelier::storage
