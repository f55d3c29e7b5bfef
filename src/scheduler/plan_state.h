// What a call of plan_next works on: its arguments with indices in place of names, and what the
// plan has given away so far. For the files plan_*.cpp alone; lives as long as one call.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "scheduler/plan.h"

namespace atelier::scheduler {

inline constexpr int kNone = -1;  // index of nothing

struct PlanJob {
  const WaitingJob* view = nullptr;
  std::size_t tier = 0;
  int model = kNone, task = kNone, client = 0;
  MemoryMode mode = MemoryMode::kBalanced;
  bool aged = false;
  bool open = true;         // neither started nor refused
  int later_ahead = kNone;  // a job of another client that was accepted later and is before it
  int passes = 0;           // jobs of this plan that have passed it
  Wait wait = {};           // where it is open
};

struct PlanModel {
  std::string_view id, family;
  std::int64_t bytes = 0;
  double load_ms = 0;
  int jobs = 0;  // of the window that need it and are not paused
};

// A model in the memory of a worker.
struct Holding {
  enum class State {
    kIdle,
    kBusy,
    kLoading,  // by a job that runs, or of this plan
    kLeaving,  // being evicted
    kStuck,    // its eviction takes too long
  };
  int model = kNone;
  std::int64_t bytes = 0, last_used_ms = 0;
  State state = State::kIdle;
  bool pinned = false;
  bool kept = false;                    // a job waits for this worker because of it
  const ResidentModel* view = nullptr;  // null: it is not in memory yet

  bool usable() const { return state == State::kIdle || state == State::kBusy; }
  bool goes() const { return state == State::kLeaving || state == State::kStuck; }
};

struct PlanWorker {
  const WorkerView* view = nullptr;
  std::size_t device = 0;
  int free = 0;
  int places = 1;
  std::vector<char> runs_task = {};  // by index of the task
  std::vector<Holding> holdings = {};
  std::vector<char> asked = {};  // by index in view->running: is to yield, or has been asked
  int yields_unclaimed = 0;
  std::array<int, kPriorities> starts_since = {};
  double earliest_end_ms = 0;  // from now, of what runs or is started
  double next_free_ms = 0;     // from now, until a place is free
};

// Memory that is kept for a job that waits for it.
struct Reservation {
  int job = kNone;
  std::int64_t bytes = 0;
  int family_of = kNone;  // the model whose family must not be joined by another; kNone: any
  bool may_be_passed = true;
};

struct PlanDevice {
  std::string_view id;
  std::int64_t budget = 0;
  std::int64_t available = 0;  // now
  std::int64_t leaving = 0;    // that evictions under way give back
  std::int64_t fixed = 0;      // pinned models and ghosts
  std::vector<std::size_t> workers = {};
  std::optional<Reservation> reservation = {};
};

struct PlanState {
  // `workers` must be sorted by name.
  PlanState(const Window& window, std::span<const WorkerView* const> workers,
            const MemoryView& memory, const PlanSettings& settings, std::int64_t now_ms);

  const Window& window;
  const PlanSettings& settings;
  const std::int64_t now_ms;
  std::vector<PlanJob> jobs;
  std::vector<PlanModel> models;
  std::vector<PlanWorker> workers;
  std::vector<PlanDevice> devices;
  int clients = 0;
  std::vector<int> client_of_share;  // by index in window.shares; kNone: has no job here
  bool any_light_worker = false;
  std::vector<char> light_runs_task;  // by index of the task

  // The model in the worker's memory or on its way there; null: neither, or it is being evicted.
  Holding* holding(std::size_t worker, int model);
  const Holding* holding(std::size_t worker, int model) const;
  bool may_run(const PlanJob& job, const PlanWorker& worker) const;
  // Whether another job of its priority may be started before it.
  bool may_be_passed(const PlanJob& job) const;
  std::string_view family(int model) const;
};

}  // namespace atelier::scheduler
