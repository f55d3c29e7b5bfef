// What the clients know of their jobs, and the invariants that every further look at a job must
// keep: an accepted job exists, its end never changes, and has a cause. Any thread.
#pragma once

#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "dice.h"
#include "journal.h"

namespace atelier::chaos {

// What the test does that may make a job run again, fail, or end as cancelled.
enum class Cause { kWorkerEnd, kDecoderEnd, kStationCrash, kFullDisk, kOutOfMemory, kCancelMany };
using Causes = std::array<int, 6>;  // how often

// A request for a job, and what the job must make.
struct Submission {
  std::string task;
  std::string marker = {};  // a prompt that no other submission has; "": the task takes none
  std::string key = {};     // idempotency key; "" is none
  int pictures = 0;
  std::uint32_t width = 0, height = 0;
  Causes since{};  // filled by Ledger::sent()
};

struct JobEnd {
  std::string state;
  std::int64_t attempt = 0, finished_ms = 0;
  std::string result;  // JSON
  bool operator==(const JobEnd&) const = default;
};

struct KnownJob {
  std::string id;
  bool accepted = false;  // its acknowledgement has arrived
  Submission submission = {};
  std::string client = {};
  bool cancel_asked = false;
  std::optional<std::int64_t> priority;  // that the last change has confirmed
  std::optional<JobEnd> end;
  Clock::time_point end_seen = {};
  std::int64_t end_event = 0;  // id; 0: not seen yet
};

class Ledger {
 public:
  enum class Which { kAny, kNotEnded, kSucceeded };
  struct Figures {
    int sent = 0, accepted = 0, succeeded = 0, failed = 0, cancelled = 0, repeated = 0;
    int shown_late = 0;  // looks at a job that still showed it as waiting after its cancellation
    std::map<std::string, int> failures = {};  // by code
  };

  explicit Ledger(Journal& journal) : journal_(journal) {}

  void add(Cause cause);               // before it takes effect
  bool since_calm(Cause cause) const;  // whether there was one
  // Nothing that was caused before has an effect any more, except where memory still runs out.
  enum class MemoryRunsOut { kNo, kYes };
  void calm(MemoryRunsOut memory);

  void sent(Submission& submission);  // before the request
  void accepted(const Submission& submission, const boost::json::value& view);
  // `asked`: a time before the request that `view` answers.
  void observe(const boost::json::value& view, Clock::time_point asked);
  void observe_end(const boost::json::value& view, std::int64_t event);
  void cancel_asked(const std::string& id);  // before the request
  void priority_set(const std::string& id, std::optional<std::int64_t> priority);

  std::optional<KnownJob> any(Which which, Dice& dice) const;  // of the accepted ones
  std::optional<KnownJob> find(const std::string& id) const;
  std::vector<KnownJob> all() const;
  std::map<std::string, int> sent_by_marker() const;
  Figures figures() const;

 private:
  void end(KnownJob& job, const boost::json::value& view);
  void check_end(const KnownJob& job, const boost::json::value& view);
  int since(const KnownJob& job, Cause cause) const;

  Journal& journal_;
  mutable std::mutex mutex_;
  Causes causes_{}, at_calm_{};
  std::map<std::string, KnownJob> jobs_;
  std::vector<std::string> accepted_;  // in their order
  std::map<std::string, int> sent_by_marker_;
  std::map<std::string, std::string> id_by_key_;
  Figures figures_;
};

}  // namespace atelier::chaos
