// The station under test: starts and ends of its process, its disk, and requests to it. ask(),
// is_up() and generation() from any thread, the rest from the test's thread.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "dice.h"
#include "journal.h"
#include "ledger.h"
#include "station_process.h"

namespace atelier::chaos {

struct Answer {
  http::RawReply reply;  // status 0: none
  // The same station was up from before the request until now: it owed a reply.
  bool owed = false;
  std::chrono::milliseconds took{};
};

class StationLife {
 public:
  StationLife(Journal& journal, Ledger& ledger, std::uint64_t seed, int queued_max);
  ~StationLife();  // the home stays where an invariant was violated
  StationLife(const StationLife&) = delete;
  StationLife& operator=(const StationLife&) = delete;

  // Checks that a reply comes while it is owed, and that a status of 500 and more has a cause.
  Answer ask(std::string_view method, std::string_view path, std::string_view body = {},
             const std::string& fields = {});
  boost::json::value json(std::string_view path);  // of GET; null unless 200
  // Whether its document has the header Idempotency-Key.
  bool takes_keys() const { return takes_keys_; }
  bool is_up() const { return generation_ % 2 == 0; }
  int generation() const { return generation_; }  // changes at each start and end
  int port() const { return port_; }

  pid_t pid() const { return station_->pid(); }
  std::string log() const { return station_->log(); }
  const std::filesystem::path& home() const { return station_->home(); }
  Ledger::MemoryRunsOut memory_runs_out() const { return memory_runs_out_; }

  void kill();  // SIGKILL, then a start
  void stop();  // SIGTERM, then a start
  void end();   // SIGTERM
  void leave_on_disk(std::int64_t bytes);
  void free_disk();
  // The worker that next reaches a second step crashes; whether one did.
  bool crash_at_next_step();
  // Processes of earlier stations end by themselves; those that have are reaped here.
  void reap();
  void expect_no_orphans();

 private:
  api::StationOptions next_options();
  void start();
  void check(std::string_view method, std::string_view path, const Answer& answer);
  bool is_excused(std::string_view path, const http::RawReply& reply) const;
  std::filesystem::path crash_mark() const { return folder_ / "crashed"; }

  Journal& journal_;
  Ledger& ledger_;
  Dice dice_;
  const int queued_max_;
  const std::filesystem::path folder_;  // of what controls the station
  const int port_;
  Ledger::MemoryRunsOut memory_runs_out_ = Ledger::MemoryRunsOut::kNo;
  bool disk_is_full_ = false;
  std::unique_ptr<api::StationProcess> station_;
  bool takes_keys_ = false;
  std::atomic<int> generation_ = 0;
};

}  // namespace atelier::chaos
