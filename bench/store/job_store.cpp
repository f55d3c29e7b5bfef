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

}  // namespace

int main(int argc, char** argv) {
  const auto folder = std::filesystem::path(argc > 1 ? argv[1] : ".") /
                      ("store-bench-" + atelier::platform::new_id());
  std::filesystem::create_directories(folder);
  {
    SqliteJobStore store((folder / "atelier.db").string());
    print_latencies("one insert at a time", timed(500, [&] { store.insert(job_of("alone", 2)); }));
    insert_from(store, 64, 5);
  }
  std::filesystem::remove_all(folder);
}
