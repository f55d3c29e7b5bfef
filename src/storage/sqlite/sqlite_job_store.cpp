// Opening, and everything that reads; sqlite_job_store_writes.cpp has what writes.
#include "storage/sqlite/sqlite_job_store.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "platform/error.h"
#include "platform/log.h"
#include "storage/sqlite/job_row.h"
#include "storage/sqlite/schema.h"

namespace atelier::storage {
namespace {

using domain::Job;
using domain::WaitingJob;

// Each serves one thread of the HTTP pool or the scheduler at a time.
constexpr int kReaders = 4;

// The condition of the indexes of the queue, word for word: else SQLite does not use them.
#define ATELIER_WAITS "state = 'queued' AND set_aside = ''"

constexpr std::string_view kOldest =
    "SELECT id, task, client, model, priority, rank, sequence, created_ms, finished_count "
    "FROM jobs INDEXED BY jobs_waiting WHERE " ATELIER_WAITS
    " AND priority = ? ORDER BY rank, sequence LIMIT ?";
constexpr std::string_view kOldestOfClient =
    "SELECT id, task, client, model, priority, rank, sequence, created_ms, finished_count "
    "FROM jobs INDEXED BY jobs_waiting_of_client WHERE " ATELIER_WAITS
    " AND priority = ? AND client = ? ORDER BY rank, sequence LIMIT ?";
// Each is a search in the index: the jobs of a client are not walked through.
constexpr std::string_view kFirstClient =
    "SELECT client FROM jobs INDEXED BY jobs_waiting_of_client WHERE " ATELIER_WAITS
    " AND priority = ? AND client >= ? ORDER BY client LIMIT 1";
constexpr std::string_view kNextClient =
    "SELECT client FROM jobs INDEXED BY jobs_waiting_of_client WHERE " ATELIER_WAITS
    " AND priority = ? AND client > ? ORDER BY client LIMIT 1";

#undef ATELIER_WAITS

void read_waiting(Statement& rows, std::vector<WaitingJob>& jobs) {
  while (rows.step()) {
    jobs.push_back({.id = rows.text(0),
                    .task = rows.text(1),
                    .client = rows.text(2),
                    .model = rows.text(3),
                    .priority = static_cast<int>(rows.integer(4)),
                    .rank = rows.integer(5),
                    .sequence = rows.integer(6),
                    .created_ms = rows.integer(7),
                    .finished_steps = static_cast<int>(rows.integer(8))});
  }
}

std::optional<std::string> client_from(Database& database, std::string_view sql, int priority,
                                       const std::string& name) {
  Statement row(database, sql);
  row.bind(1, priority).bind(2, name);
  if (!row.step()) return std::nullopt;
  return row.text(0);
}

// By rank and sequence, each once.
void sort_waiting(std::vector<WaitingJob>& jobs) {
  const auto key = [](const WaitingJob& job) { return std::pair{job.rank, job.sequence}; };
  std::ranges::sort(jobs, {}, key);
  const auto repeated = std::ranges::unique(jobs, {}, &WaitingJob::sequence);
  jobs.erase(repeated.begin(), repeated.end());
}

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
  if (!filter.before.empty()) where += " AND sequence < (SELECT sequence FROM jobs WHERE id = ?)";
  Damaged damaged;
  std::vector<Job> jobs;
  {
    const ReaderPool::Reader reader(readers_);
    Statement rows(*reader, "SELECT " + std::string(kJobColumns) + " FROM jobs WHERE " + where +
                                " ORDER BY sequence DESC LIMIT ?");
    int place = 0;
    if (!filter.task.empty()) rows.bind(++place, filter.task);
    if (!filter.before.empty()) rows.bind(++place, filter.before);
    rows.bind(++place, filter.limit);
    jobs = read_rows(rows, damaged);
  }
  set_aside(damaged);
  return jobs;
}

// The clients whose jobs the window shows beside the oldest: all, in the order of their names; of
// more than `clients_max` those that follow the last one of the previous call.
std::vector<std::string> SqliteJobStore::clients_in_turn(Database& database, int priority,
                                                         int clients_max) {
  const std::lock_guard lock(turns_mutex_);
  auto& last = last_clients_[static_cast<std::size_t>(priority)];
  const auto first = last;
  std::vector<std::string> clients;
  auto client = client_from(database, kNextClient, priority, first);
  bool from_start = false;
  while (std::ssize(clients) < clients_max) {
    if (!client) {
      if (from_start) break;
      from_start = true;
      client = client_from(database, kFirstClient, priority, "");
      continue;
    }
    if (from_start && *client > first) break;
    clients.push_back(*client);
    auto next = client_from(database, kNextClient, priority, *client);
    // A damaged name that is not text comes after all texts, and so after itself.
    client = next > client ? std::move(next) : std::nullopt;
  }
  const bool may_be_more = !clients.empty() && std::ssize(clients) == clients_max;
  last = may_be_more ? clients.back() : "";
  return clients;
}

std::vector<WaitingJob> SqliteJobStore::window(const domain::WindowSize& size) {
  const ReaderPool::Reader reader(readers_);
  Transaction one_state(*reader, Transaction::Kind::kRead);
  std::vector<WaitingJob> window;
  for (int priority = domain::kPriorities - 1; priority >= 0; --priority) {
    std::vector<WaitingJob> jobs;
    {
      Statement oldest(*reader, kOldest);
      oldest.bind(1, priority).bind(2, size.oldest);
      read_waiting(oldest, jobs);
    }
    if (std::ssize(jobs) == size.oldest) {
      for (const auto& client : clients_in_turn(*reader, priority, size.clients)) {
        Statement of_client(*reader, kOldestOfClient);
        of_client.bind(1, priority).bind(2, client).bind(3, size.jobs_of_client);
        read_waiting(of_client, jobs);
      }
      sort_waiting(jobs);
    }
    std::ranges::move(jobs, std::back_inserter(window));
  }
  return window;
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
