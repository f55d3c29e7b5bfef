// The clients: threads that submit jobs, follow their events, read pages, call and leave, hold
// connections without reading, and look whether the station answers. They run until the end of
// their life; halt() stops everything that changes the queue.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "dice.h"
#include "journal.h"
#include "ledger.h"
#include "station_life.h"
#include "submissions.h"
#include "tests/doubles/raw_client.h"

namespace atelier::chaos {

class Traffic {
 public:
  struct Figures {
    int full = 0;      // refused because the queue is full
    int followed = 0;  // jobs whose events were read to the end
    int pictures = 0;  // fetched and decoded
    long health_ms_max = 0;
  };

  Traffic(StationLife& station, Ledger& ledger, Journal& journal, Dice& dice);
  ~Traffic();  // ends the threads

  void halt();   // returns once no request that changes the queue is under way
  void go_on();  // after halt()

  // From the caller's thread:
  void submit(Dice& dice, const JobRequest& request, int client);
  void flood(Dice& dice);  // hundreds of submissions at once
  void add_slow_clients(Dice& dice);
  void drop_slow_clients();
  void check_pictures(const KnownJob& job, const boost::json::value& view);
  void read_a_page(Dice& dice);
  Figures figures() const;

 private:
  // Passed by each operation that changes the queue.
  class Operation {
   public:
    explicit Operation(Traffic& traffic);
    ~Operation();
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;

   private:
    Traffic& traffic_;
  };
  struct SlowClient {
    std::unique_ptr<http::RawClient> client;
    bool sends = false;  // a byte now and then
    Clock::time_point until;
  };

  void start(void (Traffic::*work)(Dice&, int), int number, Dice& dice);
  void submit_jobs(Dice& dice, int number);
  void follow_jobs(Dice& dice, int number);
  void read_pages(Dice& dice, int number);
  void drip(Dice& dice, int number);
  void watch_health(Dice& dice, int number);
  void call_and_leave(Dice& dice);
  void note_accepted(Dice& dice, const Submission& submission, const Answer& answer);
  void look_at(const KnownJob& job);
  void list(const std::string& query);
  void check_refusal(const JobRequest& request, const Answer& answer);

  StationLife& station_;
  Ledger& ledger_;
  Journal& journal_;
  std::atomic<bool> over_ = false;

  std::mutex gate_mutex_;
  std::condition_variable gate_;
  int inside_ = 0;
  bool halted_ = false;

  std::mutex slow_mutex_;
  std::vector<SlowClient> slow_;

  std::atomic<int> full_ = 0, followed_ = 0, pictures_ = 0;
  std::atomic<long> health_ms_max_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace atelier::chaos
