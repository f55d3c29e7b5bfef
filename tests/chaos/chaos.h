// One run: draws actions from a deck, in an order that the seed decides, until the time is over;
// rests now and then and checks what must hold at rest; then drains the queue and checks every job.
// Test thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dice.h"
#include "journal.h"
#include "ledger.h"
#include "processes.h"
#include "station_life.h"
#include "traffic.h"

namespace atelier::chaos {

struct Plan {
  std::uint64_t seed = 1;
  std::chrono::seconds length{10};
  int queued_max = 24;  // per priority: what is left is drained at the end
};

class Chaos {
 public:
  explicit Chaos(const Plan& plan);

  void run();
  bool failed() const { return journal_.failed(); }
  std::string report() const;   // of a failure
  std::string summary() const;  // figures

 private:
  enum class Restarts { kNo, kYes };
  struct Action {
    const char* name;
    int count;  // in the deck
    Restarts restarts;
    void (Chaos::*act)();
  };
  static const std::vector<Action>& actions();

  void warm_up();
  void play_decks();
  void rest();  // what must hold while nothing changes
  void drain();
  void check_every_job();
  void check_markers(const std::vector<boost::json::value>& listed);
  void check_last_events(const std::vector<KnownJob>& jobs);
  void check_restarts_change_nothing();
  void check_usage(const char* when);
  void wait_at_rest(const char* when);

  // Actions.
  void cancel_one();
  void cancel_many();
  void pause();
  void resume();
  void reprioritise();
  void move_to_front();
  void retry();
  void kill_main_worker();
  void kill_light_worker();
  void stop_a_worker_for_a_while();
  void crash_a_worker();
  void kill_a_decoder();
  void kill_the_station();
  void restart_the_station();
  void restart_at_rest();
  void flood();
  void fill_the_disk();
  void unload();
  void refresh();
  void add_slow_clients();
  void wait_a_moment();

  std::optional<pid_t> worker(const std::string& name);
  bool is_busy(const std::string& worker);
  void kill_worker(const std::string& name);
  void set_paused(std::optional<int> priority, bool paused);
  void expect_pauses();
  // Whether a reply came; a refusal other than these statuses is a violation.
  bool took(const Answer& answer, const std::string& what, const std::vector<int>& statuses);

  const Plan plan_;
  Journal journal_;
  Ledger ledger_;
  Dice dice_;
  Dice deck_dice_;  // of their own: how often the others are thrown depends on the time
  std::map<std::string, int> done_;            // actions
  std::array<std::optional<bool>, 4> paused_;  // by priority; none: its change had no reply
  StationLife station_;
  Traffic traffic_;
  Usage usage_at_first_;
  long resident_kb_max_ = 0;
};

}  // namespace atelier::chaos
