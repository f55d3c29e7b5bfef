// Figures of the job store on this machine's disk: durable inserts by one thread and by 64, and the
// window that the planner reads while 100,000 jobs of one client wait.
//
//   atelier-store-bench [folder, default: the present one]
//
// The database is made in the folder, which should be on the disk that a station would use, and
// removed at the end.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "card/tasks/generate.h"
#include "platform/ids.h"
#include "storage/sqlite/sqlite_job_store.h"

namespace {

using atelier::domain::Job;
using atelier::storage::SqliteJobStore;
using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

Job job_of(const std::string& client, int priority) {
  atelier::card::GenerationInput input;
  input.prompt = "a red circle on a blue background, with a green square beside it";
  input.model = "checkpoint/some model";
  Job job;
  job.id = atelier::platform::new_id();
  job.client = client;
  job.priority = priority;
  job.created_ms = 1;
  job.input.parameters = atelier::card::TaskInput::of(atelier::card::generate_task(), input);
  return job;
}

void print_latencies(const char* what, std::vector<double> ms) {
  std::ranges::sort(ms);
  std::printf("%s: median %.3f ms, p99 %.3f ms, longest %.3f ms\n", what, ms[ms.size() / 2],
              ms[ms.size() * 99 / 100], ms.back());
}

std::vector<double> timed(int times, const std::function<void()>& call) {
  std::vector<double> taken;
  for (int i = 0; i < times; ++i) {
    const auto start = Clock::now();
    call();
    taken.push_back(ms_since(start));
  }
  return taken;
}

void insert_from(SqliteJobStore& store, int threads, double seconds) {
  std::atomic<int> inserted = 0;
  std::vector<std::thread> clients;
  const auto start = Clock::now();
  for (int i = 0; i < threads; ++i) {
    clients.emplace_back([&, client = "client" + std::to_string(i)] {
      while (ms_since(start) < seconds * 1000) {
        store.insert(job_of(client, 2));
        ++inserted;
      }
    });
  }
  for (auto& client : clients) client.join();
  std::printf("durable inserts from %d threads: %.0f a second\n", threads,
              inserted / ms_since(start) * 1000);
}

// 100,000 queued jobs: of one client, then of 100 others.
void fill(SqliteJobStore& store) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 64; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100'000 / 64; ++i) store.insert(job_of("bulk", 0));
    });
  }
  for (auto& thread : threads) thread.join();
  for (int i = 0; i < 100; ++i) store.insert(job_of("other" + std::to_string(i), 0));
}

void measure_full_queue(SqliteJobStore& store) {
  std::printf("queued: %d\n", store.counts().queued[0]);
  std::size_t rows = 0;
  print_latencies("window", timed(200, [&] { rows = store.window({}).size(); }));
  std::printf("  of %zu jobs\n", rows);
  std::vector<std::string> ids;
  for (const auto& waiting : store.window({.oldest = 200})) ids.push_back(waiting.id);
  print_latencies("claim", timed(100, [&] {
                    store.claim(ids.back(), "local", 1);
                    ids.pop_back();
                  }));
  print_latencies("counts", timed(1000, [&] { store.counts(); }));
}

}  // namespace

int main(int argc, char** argv) {
  const auto folder = std::filesystem::path(argc > 1 ? argv[1] : ".") /
                      ("store-bench-" + atelier::platform::new_id());
  std::filesystem::create_directories(folder);
  {
    SqliteJobStore store((folder / "atelier.db").string());
    print_latencies("one insert at a time", timed(500, [&] { store.insert(job_of("alone", 2)); }));
    for (const int threads : {4, 64}) insert_from(store, threads, 5);
  }
  {
    SqliteJobStore store((folder / "queue.db").string());
    fill(store);
    measure_full_queue(store);
    print_latencies("opening", timed(3, [&] { SqliteJobStore((folder / "queue.db").string()); }));
  }
  std::filesystem::remove_all(folder);
}
