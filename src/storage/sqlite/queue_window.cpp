#include "storage/sqlite/queue_window.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>

namespace atelier::storage {
namespace {

using domain::WaitingJob;

// The condition of the indexes of the queue, word for word: else SQLite does not use them.
#define ATELIER_WAITS "state = 'queued' AND set_aside = ''"

constexpr std::string_view kOldest =
    "SELECT id, task, client, model, priority, rank, place, created_ms, finished_count, "
    "run_task, memory_mode, pixels, steps "
    "FROM jobs INDEXED BY jobs_waiting WHERE " ATELIER_WAITS
    " AND priority = ? ORDER BY rank, place LIMIT ?";
constexpr std::string_view kBehind =
    "SELECT id, task, client, model, priority, rank, place, created_ms, finished_count, "
    "run_task, memory_mode, pixels, steps "
    "FROM jobs INDEXED BY jobs_waiting WHERE " ATELIER_WAITS
    " AND priority = ? AND (rank, place) > (?, ?) ORDER BY rank, place LIMIT ?";
constexpr std::string_view kCountUpTo =
    "SELECT count(*) FROM jobs INDEXED BY jobs_waiting WHERE " ATELIER_WAITS
    " AND priority = ? AND (rank, place) <= (?, ?)";
constexpr std::string_view kCountAbove =
    "SELECT count(*) FROM jobs INDEXED BY jobs_waiting WHERE " ATELIER_WAITS " AND priority > ?";
constexpr std::string_view kOldestOfClient =
    "SELECT id, task, client, model, priority, rank, place, created_ms, finished_count, "
    "run_task, memory_mode, pixels, steps "
    "FROM jobs INDEXED BY jobs_waiting_of_client WHERE " ATELIER_WAITS
    " AND priority = ? AND client = ? ORDER BY rank, place LIMIT ?";
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
                    .run_task = rows.text(9),
                    .model = rows.text(3),
                    .memory_mode = rows.text(10),
                    .pixels = rows.integer(11),
                    .steps = rows.integer(12),
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
  const auto key = [](const WaitingJob& job) {
    return std::tuple<std::int64_t, std::int64_t, const std::string&>(job.rank, job.sequence,
                                                                      job.id);
  };
  std::ranges::sort(jobs, {}, key);
  const auto repeated = std::ranges::unique(jobs, {}, &WaitingJob::id);
  jobs.erase(repeated.begin(), repeated.end());
}

}  // namespace

std::vector<std::string_view> QueueWindow::statements() {
  return {kOldest, kOldestOfClient, kFirstClient, kNextClient, kBehind, kCountUpTo, kCountAbove};
}

// The clients whose jobs the window shows beside the oldest: all, in the order of their names; of
// more than `clients_max` those that follow the last one of the previous call.
std::vector<std::string> QueueWindow::clients_in_turn(Database& database, int priority,
                                                      int clients_max) {
  const std::lock_guard lock(mutex_);
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

std::vector<WaitingJob> QueueWindow::read(Database& database, const domain::WindowSize& size) {
  Transaction one_state(database, Transaction::Kind::kRead);
  std::vector<WaitingJob> window;
  for (int priority = domain::kPriorities - 1; priority >= 0; --priority) {
    std::vector<WaitingJob> jobs;
    {
      Statement oldest(database, kOldest);
      oldest.bind(1, priority).bind(2, size.oldest);
      read_waiting(oldest, jobs);
    }
    if (std::ssize(jobs) == size.oldest) {
      for (const auto& client : clients_in_turn(database, priority, size.clients)) {
        Statement of_client(database, kOldestOfClient);
        of_client.bind(1, priority).bind(2, client).bind(3, size.jobs_of_client);
        read_waiting(of_client, jobs);
      }
      sort_waiting(jobs);
    }
    std::ranges::move(jobs, std::back_inserter(window));
  }
  return window;
}

domain::QueuePage read_queue_page(Database& database,
                                  const std::optional<domain::QueuePlace>& after, int limit) {
  Transaction one_state(database, Transaction::Kind::kRead);
  domain::QueuePage page;
  if (after) {
    Statement above(database, kCountAbove);
    above.bind(1, after->priority).step();
    Statement up_to(database, kCountUpTo);
    up_to.bind(1, after->priority).bind(2, after->rank).bind(3, after->sequence).step();
    page.position += static_cast<int>(above.integer(0) + up_to.integer(0));
  }
  const auto left = [&] { return limit + 1 - std::ssize(page.jobs); };
  for (int priority = after ? after->priority : domain::kPriorities - 1;
       priority >= 0 && left() > 0; --priority) {
    const bool goes_on = after && priority == after->priority;
    Statement rows(database, goes_on ? kBehind : kOldest);
    rows.bind(1, priority);
    int place = 1;
    if (goes_on) {
      rows.bind(++place, after->rank);
      rows.bind(++place, after->sequence);
    }
    rows.bind(++place, left());
    read_waiting(rows, page.jobs);
  }
  page.is_last = left() > 0;
  if (!page.is_last) page.jobs.pop_back();
  return page;
}

}  // namespace atelier::storage
