#include "bench/scheduler_sim/simulation.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <map>
#include <queue>
#include <set>
#include <string>

#include "platform/check.h"
#include "scheduler/fair_shares.h"

namespace atelier::scheduler_sim {
namespace {

using scheduler::kPriorities;
using scheduler::ResidentModel;
using scheduler::RunningJob;
using scheduler::WorkerView;

constexpr std::int64_t kEvictMs = 200, kYieldMs = 300;
constexpr int kLightPlaces = 2;
constexpr std::size_t kWindow = 300;

struct Event {
  enum class Kind { kEnd, kYielded, kLoaded, kEvicted };
  std::int64_t at_ms = 0, number = 0;
  Kind kind = Kind::kEnd;
  std::size_t worker = 0, subject = 0;  // a job, or a model
  int epoch = 0;                        // of the run

  bool operator>(const Event& other) const {
    return at_ms != other.at_ms ? at_ms > other.at_ms : number > other.number;
  }
};

struct JobState {
  std::int64_t left_ms = 0, queued_ms = 0, waited_ms = 0;
  std::int64_t work_begins_ms = 0;  // of its run, after the load
  std::int64_t passed_since_ms = -1;
  int passed = 0, epoch = 0;
  std::size_t worker = 0;  // of its run
  bool begun = false, ended = false;
};

class Simulation {
 public:
  Simulation(const Trace& trace, Policy policy, const scheduler::PlanSettings& settings)
      : trace_(trace), policy_(policy), settings_(settings), jobs_(trace.jobs.size()) {
    for (const auto& model : trace.models) {
      memory_.models.push_back({model.id, model.bytes, model.load_ms, model.family});
    }
    for (std::size_t i = 0; i < trace.devices.size(); ++i) {
      const auto device = "device" + std::to_string(i);
      memory_.devices.push_back({.id = device, .bytes_budget = trace.devices[i].bytes});
      add_worker("main" + std::to_string(i), device, trace.devices[i].speed, false);
      add_worker("small" + std::to_string(i), device, trace.devices[i].speed, true);
    }
  }

  Result run() {
    while (next_arrival_ < jobs_.size() || !events_.empty()) {
      advance();
      if (policy_ == Policy::kPlan) {
        if (worth_a_plan()) carry_out_plan();
      } else {
        start_in_order();
      }
    }
    return finished();
  }

 private:
  void add_worker(const std::string& name, const std::string& device, double speed, bool light) {
    workers_.push_back(
        {.name = name,
         .device = device,
         .worker_class = light ? scheduler::WorkerClass::kLight : scheduler::WorkerClass::kMain,
         .places_free = light ? kLightPlaces : 1,
         .speed = speed});
    by_name_[name] = workers_.size() - 1;
  }
  bool is_light(std::size_t worker) const { return worker % 2 == 1; }
  std::size_t model_index(const std::string& id) const {
    return static_cast<std::size_t>(std::ranges::find(trace_.models, id, &SimModel::id) -
                                    trace_.models.begin());
  }
  ResidentModel* resident(std::size_t worker, std::size_t model) {
    auto& models = workers_[worker].models;
    const auto found = std::ranges::find(models, trace_.models[model].id, &ResidentModel::id);
    return found == models.end() ? nullptr : &*found;
  }

  void post(std::int64_t at_ms, Event::Kind kind, std::size_t worker, std::size_t subject,
            int epoch = 0) {
    events_.push({at_ms, event_number_++, kind, worker, subject, epoch});
  }

  // Everything that happens at the next moment.
  void advance() {
    now_ = std::numeric_limits<std::int64_t>::max();
    if (next_arrival_ < jobs_.size()) now_ = trace_.jobs[next_arrival_].arrival_ms;
    if (!events_.empty()) now_ = std::min(now_, events_.top().at_ms);
    urgent_ = false;
    while (next_arrival_ < jobs_.size() && trace_.jobs[next_arrival_].arrival_ms <= now_) {
      const auto job = next_arrival_++;
      jobs_[job].left_ms = trace_.jobs[job].work_ms;
      enqueue(job);
      urgent_ |= trace_.jobs[job].priority >= 2;
    }
    while (!events_.empty() && events_.top().at_ms <= now_) {
      const auto event = events_.top();
      events_.pop();
      happen(event);
    }
  }

  void happen(const Event& event) {
    auto& worker = workers_[event.worker];
    switch (event.kind) {
      case Event::Kind::kLoaded:
        resident(event.worker, event.subject)->loading = false;
        return;
      case Event::Kind::kEvicted:
        std::erase_if(worker.models, [&](const ResidentModel& each) {
          return each.id == trace_.models[event.subject].id;
        });
        return;
      case Event::Kind::kEnd:
      case Event::Kind::kYielded:
        break;
    }
    auto& job = jobs_[event.subject];
    if (event.epoch != job.epoch) return;  // it has yielded before
    const auto id = std::to_string(event.subject);
    std::erase_if(worker.running, [&id](const RunningJob& each) { return each.id == id; });
    ++worker.places_free;
    resident(event.worker, trace_.jobs[event.subject].model)->last_used_ms = now_;
    const auto worked = now_ - job.work_begins_ms;
    if (!is_light(event.worker)) worked_ms_ += worked;
    if (event.kind == Event::Kind::kEnd) {
      job.ended = true;
      last_end_ms_ = now_;
      return;
    }
    ++result_.yields;
    job.left_ms -= static_cast<std::int64_t>(static_cast<double>(worked) * worker.speed);
    job.left_ms = std::max<std::int64_t>(job.left_ms, 1);
    job.begun = true;
    enqueue(event.subject);
  }

  // The waiting jobs: by priority and client for the plan, by class and priority for the others.
  void enqueue(std::size_t job) {
    const auto& view = trace_.jobs[job];
    auto& state = jobs_[job];
    state.queued_ms = now_;
    const auto tier = static_cast<std::size_t>(view.priority);
    if (policy_ == Policy::kPlan) {
      auto& list = waiting_[{view.priority, view.client}];
      state.begun ? list.push_front(job) : list.push_back(job);
    } else {
      in_order_[view.light ? 1 : 0][tier].push_back(job);
    }
    if (view.priority == 0 && !view.light) background_.insert(now_);
  }

  void note_start(std::size_t job, std::size_t worker, std::int64_t extra_ms) {
    const auto& view = trace_.jobs[job];
    auto& state = jobs_[job];
    auto& its_worker = workers_[worker];
    if (view.priority == 0 && !view.light) {
      const auto raised = *background_.begin() + settings_.age_ms[0];
      result_.background_stall_ms =
          std::max(result_.background_stall_ms, now_ - std::max(raised, last_background_ms_));
      background_.erase(background_.find(state.queued_ms));
      last_background_ms_ = now_;
    }
    state.waited_ms += now_ - state.queued_ms + extra_ms;
    if (view.priority == 0 && state.begun) {
      result_.longest_pause_ms = std::max(result_.longest_pause_ms, now_ - state.queued_ms);
    }
    state.worker = worker;
    state.work_begins_ms = now_ + extra_ms;
    const auto scaled = [&](std::int64_t ms) {
      return std::max<std::int64_t>(1, std::llround(static_cast<double>(ms) / its_worker.speed));
    };
    const auto run_ms = scaled(state.left_ms);
    const auto expected = static_cast<double>(view.expected_ms) *
                          static_cast<double>(state.left_ms) /
                          static_cast<double>(std::max<std::int64_t>(view.work_ms, 1));
    its_worker.running.push_back({.id = std::to_string(job),
                                  .priority = view.priority,
                                  .model = trace_.models[view.model].id,
                                  .peak_bytes = view.peak_bytes,
                                  .may_yield = !view.light && view.priority < 2,
                                  .started_ms = now_,
                                  .expected_ms = extra_ms + scaled(std::llround(expected)),
                                  .waited_ms = now_ - state.queued_ms});
    --its_worker.places_free;
    for (std::size_t p = 0; p < kPriorities; ++p) {
      auto& since = its_worker.starts_since[p];
      since = static_cast<int>(p) == view.priority ? 0 : since + 1;
    }
    if (!is_light(worker)) {
      loaded_ms_ += extra_ms;
      result_.longest_run_ms = std::max(result_.longest_run_ms, extra_ms + run_ms);
    }
    post(now_ + extra_ms + run_ms, Event::Kind::kEnd, worker, job, ++state.epoch);
  }

  std::int64_t load(std::size_t model, std::size_t worker, std::int64_t before_ms) {
    const auto& view = trace_.models[model];
    workers_[worker].models.push_back(
        {.id = view.id, .bytes = view.bytes, .last_used_ms = now_, .loading = true});
    ++result_.loads;
    post(now_ + before_ms + view.load_ms, Event::Kind::kLoaded, worker, model);
    return before_ms + view.load_ms;
  }

  bool worth_a_plan() const {
    return urgent_ || std::ranges::any_of(
                          workers_, [](const WorkerView& each) { return each.places_free > 0; });
  }

  scheduler::WaitingJob waiting_job(std::size_t index) const {
    const auto& view = trace_.jobs[index];
    const auto& state = jobs_[index];
    scheduler::WaitingJob job{.id = std::to_string(index)};
    job.client = std::to_string(view.client);
    job.priority = view.priority;
    job.model = trace_.models[view.model].id;
    job.worker_class = view.light ? scheduler::WorkerClass::kLight : scheduler::WorkerClass::kMain;
    job.queued_since_ms = state.queued_ms;
    job.order = static_cast<std::int64_t>(index);
    job.begun = state.begun;
    job.peak_bytes = view.peak_bytes;
    job.expected_ms = view.expected_ms;
    if (state.begun) job.only_worker = workers_[state.worker].name;
    job.passed = state.passed;
    if (state.passed_since_ms >= 0) job.passed_since_ms = state.passed_since_ms;
    return job;
  }

  scheduler::Window window() {
    scheduler::Window window;
    std::erase_if(waiting_, [](const auto& list) { return list.second.empty(); });
    // The first jobs of all clients, as many of each as there is room for.
    bool more = true;
    for (std::size_t i = 0; more && window.jobs.size() < kWindow; ++i) {
      more = false;
      for (const auto& [key, list] : waiting_) {
        if (i >= list.size()) continue;
        more = true;
        window.jobs.push_back(waiting_job(list[i]));
      }
    }
    shares_.write_to(window);
    return window;
  }

  void carry_out_plan() {
    const auto window = this->window();
    if (window.jobs.empty()) return;
    const auto begin = std::chrono::steady_clock::now();
    const auto plan = scheduler::plan_next(window, workers_, memory_, settings_, now_);
    result_.plan_ns.push_back(
        std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin).count());
    CHECK(plan.refusals.empty());
    for (const auto& each : plan.passes) {
      auto& job = jobs_[std::stoul(each.job)];
      job.passed += each.jobs;
      if (job.passed_since_ms < 0) job.passed_since_ms = now_;
    }
    for (const auto& each : plan.evictions) {
      const auto worker = by_name_.at(each.worker);
      const auto model = model_index(each.model);
      resident(worker, model)->evicting_since_ms = now_;
      ++result_.evictions;
      post(now_ + kEvictMs, Event::Kind::kEvicted, worker, model);
    }
    for (const auto& each : plan.preemptions) yield(std::stoul(each.job));
    for (const auto& each : plan.assignments) {
      const auto job = std::stoul(each.job);
      const auto& view = trace_.jobs[job];
      const auto worker = by_name_.at(each.worker);
      const bool loads = std::ranges::count(plan.loads, each.job, &scheduler::Load::job) > 0;
      std::erase(waiting_[{view.priority, view.client}], job);
      shares_.started(std::to_string(view.client), view.priority, view.expected_ms);
      note_start(job, worker, loads ? load(view.model, worker, 0) : 0);
    }
  }

  void yield(std::size_t index) {
    auto& job = jobs_[index];
    auto& running = workers_[job.worker].running;
    std::ranges::find(running, std::to_string(index), &RunningJob::id)->yielding = true;
    // One that ends before that has posted its end; the other event is then of an old epoch.
    const auto at = std::max(now_, job.work_begins_ms) + kYieldMs;
    const auto end = job.work_begins_ms +
                     std::llround(static_cast<double>(job.left_ms) / workers_[job.worker].speed);
    if (at < end) post(at, Event::Kind::kYielded, job.worker, index, ++job.epoch);
  }

  // The simple policies.
  void start_in_order() {
    for (const bool light : {false, true}) {
      for (;;) {
        auto* queue = first_queue(light);
        if (queue == nullptr || !start_somewhere(queue->front())) break;
        queue->pop_front();
      }
    }
  }

  std::deque<std::size_t>* first_queue(bool light) {
    std::deque<std::size_t>* first = nullptr;
    auto& queues = in_order_[light ? 1 : 0];
    for (auto queue = queues.rbegin(); queue != queues.rend(); ++queue) {
      if (queue->empty()) continue;
      if (first == nullptr || (policy_ == Policy::kFifo && queue->front() < first->front())) {
        first = &*queue;
      }
    }
    return first;
  }

  bool start_somewhere(std::size_t job) {
    const auto& view = trace_.jobs[job];
    for (const bool with_model : {true, false}) {
      for (std::size_t worker = view.light ? 1 : 0; worker < workers_.size(); worker += 2) {
        if (workers_[worker].places_free <= 0) continue;
        const auto* held = resident(worker, view.model);
        if (held != nullptr && held->loading) continue;
        if ((held != nullptr) != with_model) continue;
        std::int64_t before_ms = 0;
        const auto needed =
            view.peak_bytes + (held != nullptr ? 0 : trace_.models[view.model].bytes);
        if (!make_room(worker, view.model, needed, before_ms)) continue;
        note_start(job, worker, with_model ? 0 : load(view.model, worker, before_ms));
        return true;
      }
    }
    return false;
  }

  bool make_room(std::size_t worker, std::size_t model, std::int64_t needed,
                 std::int64_t& before_ms) {
    const std::size_t both[] = {worker / 2 * 2, worker / 2 * 2 + 1};
    std::int64_t free = trace_.devices[worker / 2].bytes;
    struct Idle {
      std::int64_t used_ms, bytes;
      std::size_t worker;
      std::string id;
    };
    std::vector<Idle> idle;
    std::int64_t idle_bytes = 0;
    for (const auto each : both) {
      for (const auto& run : workers_[each].running) free -= run.peak_bytes;
      for (const auto& held : workers_[each].models) {
        free -= held.bytes;
        const bool used =
            held.loading || (each == worker && held.id == trace_.models[model].id) ||
            std::ranges::count(workers_[each].running, held.id, &RunningJob::model) > 0;
        if (used) continue;
        idle.push_back({held.last_used_ms, held.bytes, each, held.id});
        idle_bytes += held.bytes;
      }
    }
    if (needed > free + idle_bytes) return false;
    std::ranges::sort(idle, {}, &Idle::used_ms);
    for (const auto& each : idle) {
      if (needed <= free) break;
      std::erase_if(workers_[each.worker].models,
                    [&](const ResidentModel& held) { return held.id == each.id; });
      free += each.bytes;
      before_ms += kEvictMs;
      ++result_.evictions;
    }
    return true;
  }

  Result finished() {
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      if (!jobs_[i].ended) ++result_.unfinished;
      result_.waits_ms[static_cast<std::size_t>(trace_.jobs[i].priority)].push_back(
          jobs_[i].waited_ms);
    }
    for (auto& waits : result_.waits_ms) std::ranges::sort(waits);
    std::ranges::sort(result_.plan_ns);
    const auto all_ms =
        static_cast<double>(last_end_ms_) * static_cast<double>(trace_.devices.size());
    result_.useful = static_cast<double>(worked_ms_) / all_ms;
    result_.utilisation = static_cast<double>(worked_ms_ + loaded_ms_) / all_ms;
    return std::move(result_);
  }

  const Trace& trace_;
  const Policy policy_;
  const scheduler::PlanSettings settings_;
  std::vector<JobState> jobs_;
  std::vector<WorkerView> workers_;
  std::map<std::string, std::size_t> by_name_;
  scheduler::MemoryView memory_;
  scheduler::FairShares shares_;
  std::map<std::pair<int, int>, std::deque<std::size_t>> waiting_;  // by priority and client
  std::array<std::array<std::deque<std::size_t>, kPriorities>, 2> in_order_;
  std::multiset<std::int64_t> background_;  // since when jobs of priority 0 wait for main workers
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::size_t next_arrival_ = 0;
  std::int64_t now_ = 0, event_number_ = 0, last_end_ms_ = 0, last_background_ms_ = 0;
  std::int64_t worked_ms_ = 0, loaded_ms_ = 0;
  bool urgent_ = false;  // a job of priority 2 or 3 has arrived
  Result result_;
};

}  // namespace

std::string_view policy_name(Policy policy) {
  switch (policy) {
    case Policy::kPlan:
      return "plan_next";
    case Policy::kFifo:
      return "first in, first out";
    case Policy::kStrict:
      return "strict priority";
  }
  return "";
}

std::int64_t percentile(const std::vector<std::int64_t>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::min(sorted.size() - 1, rank == 0 ? 0 : rank - 1)];
}

Result simulate(const Trace& trace, Policy policy, const scheduler::PlanSettings& settings) {
  return Simulation(trace, policy, settings).run();
}

}  // namespace atelier::scheduler_sim
