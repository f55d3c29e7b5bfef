#include "scheduler/plan_state.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace atelier::scheduler {
namespace {

constexpr std::int64_t kManyBytes = kNoLimit / 4;  // sums of these do not overflow
constexpr double kUnknownMs = std::numeric_limits<double>::infinity();

class Names {
 public:
  int add(std::string_view name) {
    return indices_.try_emplace(name, static_cast<int>(indices_.size())).first->second;
  }
  int find(std::string_view name) const {
    const auto found = indices_.find(name);
    return found == indices_.end() ? kNone : found->second;
  }
  int size() const { return static_cast<int>(indices_.size()); }

 private:
  std::unordered_map<std::string_view, int> indices_;
};

// A run that takes longer than expected is expected to take a quarter more, so that a job does not
// wait for its end for ever.
double remaining_ms(const RunningJob& job, std::int64_t now_ms) {
  if (job.expected_ms <= 0) return kUnknownMs;
  const auto elapsed = std::max<std::int64_t>(now_ms - job.started_ms, 0);
  return static_cast<double>(std::max(job.expected_ms - elapsed, elapsed / 4));
}

Holding::State state_of(const ResidentModel& model, const PlanSettings& settings,
                        std::int64_t now_ms) {
  if (model.evicting_since_ms) {
    return now_ms - *model.evicting_since_ms < settings.eviction_ms_max ? Holding::State::kLeaving
                                                                        : Holding::State::kStuck;
  }
  if (model.loading) return Holding::State::kLoading;
  return model.busy ? Holding::State::kBusy : Holding::State::kIdle;
}

// Makes the parts of a PlanState, in the order of its constructor.
class Builder {
 public:
  Builder(PlanState& state, const MemoryView& memory) : state_(state), memory_(memory) {}

  void add_models() {
    for (const auto& view : memory_.models) {
      if (models_.find(view.id) != kNone) continue;
      models_.add(view.id);
      state_.models.push_back({.id = view.id,
                               .family = view.family.empty() ? view.id : view.family,
                               .bytes = std::clamp<std::int64_t>(view.bytes, 0, kManyBytes),
                               .load_ms = static_cast<double>(view.load_ms)});
    }
  }

  void add_jobs() {
    state_.jobs.reserve(state_.window.jobs.size());
    for (const auto& view : state_.window.jobs) {
      auto& job = state_.jobs.emplace_back(PlanJob{.view = &view});
      job.tier = static_cast<std::size_t>(std::clamp(view.priority, 0, kPriorities - 1));
      job.model = view.model.empty() ? kNone : model(view.model);
      job.task = view.task.empty() ? kNone : tasks_.add(view.task);
      job.client = clients_.add(view.client);
      job.mode = view.mode.value_or(state_.settings.mode);
      job.aged = job.tier < state_.settings.age_ms.size() &&
                 state_.now_ms - view.queued_since_ms >= state_.settings.age_ms[job.tier];
      if (job.model != kNone && !state_.window.paused[job.tier]) {
        ++state_.models[static_cast<std::size_t>(job.model)].jobs;
      }
    }
    state_.clients = clients_.size();
    state_.light_runs_task.assign(static_cast<std::size_t>(tasks_.size()), 0);
    for (const auto& share : state_.window.shares) {
      state_.client_of_share.push_back(clients_.find(share.client));
    }
  }

  void add_devices() {
    for (const auto& view : memory_.devices) {
      if (devices_.find(view.id) != kNone) continue;
      devices_.add(view.id);
      state_.devices.push_back({.id = view.id,
                                .budget = std::min(view.bytes_budget, kManyBytes),
                                .available = std::min(view.bytes_free, kManyBytes)});
    }
  }

  void add_worker(const WorkerView& view) {
    const auto device = static_cast<std::size_t>(devices_.add(view.device));
    if (device == state_.devices.size()) {
      state_.devices.push_back({.id = view.device, .budget = kManyBytes, .available = kManyBytes});
    }
    auto& worker = state_.workers.emplace_back(PlanWorker{.view = &view, .device = device});
    worker.free = view.ready ? std::max(view.places_free, 0) : 0;
    worker.places = std::max(1, worker.free + static_cast<int>(view.running.size()));
    worker.starts_since = view.starts_since;
    worker.runs_task.assign(static_cast<std::size_t>(tasks_.size()), view.tasks.empty() ? 1 : 0);
    for (const auto& task : view.tasks) {
      if (const int known = tasks_.find(task); known != kNone) {
        worker.runs_task[static_cast<std::size_t>(known)] = 1;
      }
    }
    worker.earliest_end_ms = kUnknownMs;
    for (const auto& run : view.running) {
      worker.earliest_end_ms = std::min(worker.earliest_end_ms, remaining_ms(run, state_.now_ms));
      worker.asked.push_back(run.yielding ? 1 : 0);
      worker.yields_unclaimed += run.yielding ? 1 : 0;
    }
    worker.next_free_ms = worker.free > 0 ? 0 : worker.earliest_end_ms;
    add_holdings(worker);
    auto& its_device = state_.devices[device];
    its_device.workers.push_back(state_.workers.size() - 1);
    if (view.worker_class != WorkerClass::kLight) return;
    state_.any_light_worker = true;
    for (std::size_t task = 0; task < worker.runs_task.size(); ++task) {
      state_.light_runs_task[task] |= worker.runs_task[task];
    }
  }

  // What is free now: by the account, and as measured.
  void count_memory() {
    for (auto& device : state_.devices) {
      std::int64_t held = 0;
      for (const auto index : device.workers) {
        const auto& worker = state_.workers[index];
        held += worker.view->ghost_bytes;
        device.fixed += worker.view->ghost_bytes;
        for (const auto& run : worker.view->running) held += run.peak_bytes;
        for (const auto& holding : worker.holdings) {
          held += holding.bytes;
          if (holding.pinned) device.fixed += holding.bytes;
          if (holding.state == Holding::State::kLeaving) device.leaving += holding.bytes;
        }
      }
      device.available = std::min(device.budget - held, device.available);
    }
  }

 private:
  int model(std::string_view id) {
    const int index = models_.add(id);
    if (static_cast<std::size_t>(index) == state_.models.size()) {
      state_.models.push_back({.id = id, .family = id});
    }
    return index;
  }

  void add_holdings(PlanWorker& worker) {
    for (const auto& view : worker.view->models) {
      worker.holdings.push_back({.model = model(view.id),
                                 .bytes = view.bytes,
                                 .last_used_ms = view.last_used_ms,
                                 .state = state_of(view, state_.settings, state_.now_ms),
                                 .pinned = view.pinned,
                                 .view = &view});
    }
    for (const auto& run : worker.view->running) {
      if (run.model.empty()) continue;
      const int used = model(run.model);
      const auto held = std::ranges::find(worker.holdings, used, &Holding::model);
      if (held == worker.holdings.end()) {
        worker.holdings.push_back({.model = used,
                                   .bytes = state_.models[static_cast<std::size_t>(used)].bytes,
                                   .state = Holding::State::kLoading});
      } else if (held->state == Holding::State::kIdle) {
        held->state = Holding::State::kBusy;
      }
    }
  }

  PlanState& state_;
  const MemoryView& memory_;
  Names models_, tasks_, clients_, devices_;
};

}  // namespace

PlanState::PlanState(const Window& window_, std::span<const WorkerView* const> views,
                     const MemoryView& memory, const PlanSettings& settings_, std::int64_t now_ms_)
    : window(window_), settings(settings_), now_ms(now_ms_) {
  Builder builder(*this, memory);
  builder.add_models();
  builder.add_jobs();
  builder.add_devices();
  workers.reserve(views.size());
  for (const auto* view : views) builder.add_worker(*view);
  builder.count_memory();
}

const Holding* PlanState::holding(std::size_t worker, int model) const {
  for (const auto& each : workers[worker].holdings) {
    if (each.model == model && !each.goes()) return &each;
  }
  return nullptr;
}

Holding* PlanState::holding(std::size_t worker, int model) {
  return const_cast<Holding*>(std::as_const(*this).holding(worker, model));
}

bool PlanState::may_run(const PlanJob& job, const PlanWorker& worker) const {
  const auto& view = *job.view;
  if (job.task != kNone && worker.runs_task[static_cast<std::size_t>(job.task)] == 0) return false;
  if (!view.only_worker.empty() && view.only_worker != worker.view->name) return false;
  const bool light = worker.view->worker_class == WorkerClass::kLight;
  if (view.worker_class == WorkerClass::kMain) return !light;
  if (view.worker_class == WorkerClass::kAny || light) return true;
  if (job.task == kNone) return !any_light_worker;
  return light_runs_task[static_cast<std::size_t>(job.task)] == 0;
}

bool PlanState::may_be_passed(const PlanJob& job) const {
  const auto since = job.view->passed_since_ms;
  return job.view->passed + job.passes < settings.affinity_jobs_max[job.tier] &&
         (!since || now_ms - *since < settings.affinity_ms_max[job.tier]);
}

std::string_view PlanState::family(int model) const {
  return models[static_cast<std::size_t>(model)].family;
}

}  // namespace atelier::scheduler
