// The part of the runner that plans: the arguments of plan_next, and carrying its plan out.
#include <algorithm>
#include <utility>

#include "card/all_tasks.h"
#include "domain/jobs/steps.h"
#include "domain/settings/limits.h"
#include "platform/log.h"
#include "platform/system.h"
#include "scheduler/job_media.h"
#include "scheduler/job_runner.h"
#include "scheduler/plan_clock.h"
#include "scheduler/plan_text.h"

namespace atelier::scheduler {
namespace {

using domain::Job;
using domain::JobState;
namespace limits = domain::limits;

constexpr int kUrgent = 2;  // the lowest priority that running jobs yield to

}  // namespace

// The class of worker for a run of the task with the model.
WorkerClass JobRunner::class_of(const std::string& task, const card::ModelCard* card) const {
  const auto* description = card::find_task(task);
  if (description == nullptr || !description->light || card == nullptr) return WorkerClass::kMain;
  const bool small = card->memory.weights_bytes <= limits::kLightModelBytesMax;
  return small ? WorkerClass::kLight : WorkerClass::kMain;
}

// Of the first worker of the class, else of the first one.
const CostEngine& JobRunner::engine_for(WorkerClass worker_class) const {
  const auto found = std::ranges::find_if(parts_.workers, [&](const auto& worker) {
    return worker->worker_class() == worker_class && !worker->tasks().empty();
  });
  return (found == parts_.workers.end() ? parts_.workers.front() : *found)->cost_engine();
}

// Where no budget is set, a part of a processor's memory stays for everything else on the machine.
std::int64_t JobRunner::budget_of(const WorkerSession& worker) const {
  if (parts_.memory.budget_bytes > 0) return parts_.memory.budget_bytes;
  const auto total = worker.memory().device_bytes_total;
  if (total <= 0) return kNoLimit;
  const double part = worker.device() == limits::kProcessorDevice ? limits::kBudgetPartOfRam
                                                                  : limits::kBudgetPartOfDevice;
  return static_cast<std::int64_t>(part * static_cast<double>(total));
}

const JobRunner::PlannedModel& JobRunner::planned(PlanInput& input, const std::string& model,
                                                  WorkerClass worker_class) {
  const auto [entry, is_new] = input.planned_models.try_emplace(model);
  auto& planned = entry->second;
  if (!is_new) return planned;
  const auto& models = input.catalog->models();
  const auto found = std::ranges::find_if(
      models, [&](const auto& each) { return each.card.id == model && each.problem.empty(); });
  if (found == models.end()) return planned;
  planned.card = &found->card;
  const auto cost = costs_.model(engine_for(worker_class), *planned.card);
  planned.measured = cost.measured;
  planned.view = {
      .id = model, .bytes = cost.bytes, .load_ms = cost.load_ms, .family = planned.card->family};
  input.memory.models.push_back(planned.view);
  return planned;
}

// A need that was never measured does not refuse a job: at most what the largest budget has
// beside the model.
void JobRunner::estimate(PlanInput& input, WaitingJob& job, const card::Work& work) {
  const auto& models = input.catalog->models();
  const auto found =
      std::ranges::find_if(models, [&](const auto& each) { return each.card.id == job.model; });
  job.worker_class = class_of(job.task, found == models.end() ? nullptr : &found->card);
  const auto& model = planned(input, job.model, job.worker_class);
  if (model.card == nullptr) return;
  const auto run = costs_.run(engine_for(job.worker_class), *model.card, job.task, work);
  job.expected_ms = run.expected_ms;
  job.peak_bytes = run.peak_bytes;
  if (run.measured) return;
  std::int64_t most = 0;
  for (const auto& worker : parts_.workers) most = std::max(most, budget_of(*worker));
  job.peak_bytes = std::clamp<std::int64_t>(most - model.view.bytes, 0, job.peak_bytes);
}

void JobRunner::add_waiting(PlanInput& input) {
  std::int64_t order = 0;
  const auto add = [&](WaitingJob job, const card::Work& work, std::string_view mode) {
    if (memory_mode_named(mode).value_or(parts_.memory.mode) != parts_.memory.mode) {
      job.mode = memory_mode_named(mode);
    }
    job.order = order++;
    if (const auto passed = passed_.find(job.id); passed != passed_.end()) {
      job.passed = passed->second.jobs;
      job.passed_since_ms = passed->second.since_ms;
    }
    estimate(input, job, work);
    input.window.jobs.push_back(std::move(job));
  };
  for (const auto& [id, running] : running_) {
    if (!running.waits) continue;
    const auto& job = running.job;
    add({.id = id,
         .client = job.client,
         .priority = job.priority,
         .task = domain::task_of_next_run(job),
         .model = domain::model_of_next_run(job),
         .queued_since_ms = running.waits_since_ms,
         .begun = true,
         .only_worker = running.only_worker},
        domain::work_of_next_run(job), job.input.memory_mode);
  }
  for (const auto& job : parts_.store.window({})) {
    add({.id = job.id,
         .client = job.client,
         .priority = job.priority,
         .task = job.run_task,
         .model = job.model,
         .queued_since_ms = job.created_ms,
         .begun = job.finished_steps > 0,
         .moved_to_front = job.rank < 0},
        {.pixels = static_cast<double>(job.pixels), .steps = static_cast<double>(job.steps)},
        job.memory_mode);
  }
  input.window.paused = parts_.store.paused();
  shares_.write_to(input.window);
}

// A light worker counts once it has said what it runs: until then its jobs run on the main one.
void JobRunner::add_workers(PlanInput& input) {
  for (const auto& worker : parts_.workers) {
    if (worker->worker_class() == WorkerClass::kLight && worker->tasks().empty()) continue;
    auto& view = input.workers.emplace_back(WorkerView{.name = worker->name(),
                                                       .device = worker->device(),
                                                       .worker_class = worker->worker_class(),
                                                       .ready = worker->ready(),
                                                       .tasks = worker->tasks(),
                                                       .places_free = worker->free_places(),
                                                       .starts_since = worker->starts_since()});
    std::set<std::string> busy;
    for (const auto& [id, running] : running_) {
      if (running.worker != worker.get()) continue;
      busy.insert(running.model);
      planned(input, running.model, worker->worker_class());
      if (running.suspended) continue;
      const auto* task = card::find_task(running.run.task());
      view.running.push_back(
          {.id = id,
           .priority = running.job.priority,
           .model = running.model,
           .peak_bytes = running.peak_bytes,
           .may_yield = task != nullptr && task->suspends && running.begun,
           .yielding = running.yielding,
           .started_ms = running.planned_ms,
           .expected_ms = running.expected_ms,
           .waited_ms = std::max<std::int64_t>(running.planned_ms - running.job.created_ms, 0)});
    }
    view.models = worker->residents().view(busy, {}, std::nullopt);
    const auto same = std::ranges::find(input.memory.devices, view.device, &DeviceView::id);
    const auto budget = budget_of(*worker);
    if (same == input.memory.devices.end()) {
      input.memory.devices.push_back({.id = view.device, .bytes_budget = budget});
    } else {
      same->bytes_budget = std::min(same->bytes_budget, budget);
    }
  }
}

JobRunner::PlanInput JobRunner::plan_input() {
  PlanInput input{.catalog = parts_.catalog(), .now_ms = plan_ms()};
  if (input.catalog == nullptr) input.catalog = std::make_shared<const domain::Catalog>();
  add_waiting(input);
  add_workers(input);
  return input;
}

PlanSettings JobRunner::plan_settings() const { return {.mode = parts_.memory.mode}; }

// False where no plan could start, evict or suspend anything.
bool JobRunner::may_change_something() const {
  if (!parts_.models_known()) return false;
  const bool any_free = std::ranges::any_of(
      parts_.workers, [](const auto& worker) { return worker->free_places() > 0; });
  if (any_free) return true;
  const auto queued = parts_.store.counts().queued;
  bool urgent = false;
  for (std::size_t tier = kUrgent; tier < queued.size(); ++tier) urgent |= queued[tier] > 0;
  for (const auto& [id, running] : running_) {
    urgent |= running.waits && running.job.priority >= kUrgent;
  }
  return urgent && std::ranges::any_of(running_, [](const auto& entry) {
           const auto& running = entry.second;
           return running.worker != nullptr && running.begun && !running.yielding &&
                  running.job.priority < kUrgent;
         });
}

void JobRunner::start_next() {
  if (!may_change_something()) return;
  const auto input = plan_input();
  carry_out(plan_next(input.window, input.workers, input.memory, plan_settings(), input.now_ms),
            input);
}

void JobRunner::carry_out(const Plan& plan, const PlanInput& input) {
  const auto session = [this](const std::string& name) -> WorkerSession& {
    return **std::ranges::find(parts_.workers, name, [](const auto& each) { return each->name(); });
  };
  for (const auto& eviction : plan.evictions) {
    add_decision({.kind = "eviction",
                  .reason = std::string(reason_name(eviction.reason)),
                  .sentence = describe(eviction),
                  .job = eviction.job,
                  .model = eviction.model,
                  .worker = eviction.worker});
    session(eviction.worker).evict(eviction.model, [this] { run_next(); });
  }
  for (const auto& preemption : plan.preemptions) {
    auto* running = find(preemption.job);
    if (running == nullptr || running->worker == nullptr) continue;
    running->yielding = true;
    add_decision({.kind = "yield",
                  .reason = "priority",
                  .sentence = describe(preemption),
                  .job = preemption.job,
                  .worker = preemption.worker});
    running->worker->supervisor().notify(protocol::SuspendNotification{preemption.job});
  }
  for (const auto& pass : plan.passes) {
    auto& passed = passed_[pass.job];
    if (passed.jobs == 0) passed.since_ms = input.now_ms;
    passed.jobs += pass.jobs;
  }
  std::erase_if(passed_, [&](const auto& entry) {
    return std::ranges::find(input.window.jobs, entry.first, &WaitingJob::id) ==
           input.window.jobs.end();
  });
  for (const auto& refusal : plan.refusals) refuse(refusal);
  bool is_old = false;  // a job has left the queue since the window was read
  for (const auto& assignment : plan.assignments) {
    auto& worker = session(assignment.worker);
    if (const auto* running = find(assignment.job)) {
      if (running->waits) dispatch(assignment.job, worker, input);
      continue;
    }
    auto job = parts_.store.claim(assignment.job, parts_.node, parts_.now_ms());
    if (!job) {
      is_old = true;
      continue;
    }
    const auto expected =
        std::ranges::find(input.window.jobs, assignment.job, &WaitingJob::id)->expected_ms;
    shares_.started(job->client, job->priority, expected);
    worker.started(job->priority);
    start(*std::move(job), worker, input);
  }
  if (is_old) start_next();
}

// It ends without a worker.
void JobRunner::refuse(const Refusal& refusal) {
  const auto code =
      refusal.reason == Refusal::Reason::kTask ? ErrorCode::kUnsupported : ErrorCode::kOutOfMemory;
  const Error error(code, describe(refusal));
  add_decision({.kind = "refusal",
                .reason = std::string(reason_name(refusal.reason)),
                .sentence = error.what(),
                .job = refusal.job,
                .worker = refusal.worker});
  if (find(refusal.job) != nullptr) return fail(refusal.job, error);
  auto job = parts_.store.find(refusal.job);
  if (!job || job->state != JobState::kQueued) return;
  job->state = JobState::kFailed;
  job->finished_ms = std::max(parts_.now_ms(), job->created_ms);
  job->failure = domain::JobFailure{error.code(), error.what(), {}};
  job->last_event = parts_.board.take_event_id();
  if (!parts_.store.finish(*job, JobState::kQueued)) return;
  ++ended_;
  remove_steps(parts_.artifacts, *job);
  parts_.board.publish("error", *job, job->finished_ms);
}

void JobRunner::add_decision(PastDecision decision) {
  platform::log_info(decision.sentence);
  decision.time_ms = parts_.now_ms();
  decisions_.push_front(std::move(decision));
  if (decisions_.size() > limits::kDecisionsKept) decisions_.pop_back();
}

void JobRunner::suspended(WorkerSession& worker,
                          const protocol::SuspendedNotification& notification) {
  auto* running = find(notification.job);
  if (running == nullptr || running->worker != &worker || running->suspended ||
      running->request == 0) {
    return;
  }
  running->suspended = running->waits = true;
  running->yielding = false;
  running->only_worker = worker.name();
  running->waits_since_ms = plan_ms();
  worker.remove_job(notification.job);
  running->job.reason = "suspended after " + std::to_string(notification.step) +
                        " steps: a job of a higher priority runs first";
  show(*running, "state");
  run_next();
}

// What the plan expects of the run that starts now.
void JobRunner::note_plan(Running& running, const PlanInput& input) {
  running.model = domain::model_of_next_run(running.job);
  running.work = domain::work_of_next_run(running.job);
  running.planned_ms = input.now_ms;
  running.only_worker.clear();
  running.loads = !running.worker->residents().contains(running.model);
  const auto& jobs = input.window.jobs;
  const auto waited = std::ranges::find(jobs, running.job.id, &WaitingJob::id);
  if (waited == jobs.end()) return;
  running.peak_bytes = waited->peak_bytes;
  running.expected_ms = waited->expected_ms;
  const auto model = input.planned_models.find(running.model);
  if (running.loads && running.expected_ms > 0 && model != input.planned_models.end()) {
    running.expected_ms += model->second.view.load_ms;
  }
}

void JobRunner::resume(Running& running) {
  running.suspended = running.waits = false;
  running.only_worker.clear();
  running.planned_ms = plan_ms();
  running.last_message = Clock::now();
  running.worker->add_job(running.job.id);
  running.job.reason.clear();
  running.worker->supervisor().notify(protocol::ResumeNotification{running.job.id});
  show(running, "state");
}

// What the run took, for the plans to come.
void JobRunner::note_run(Running& running, const protocol::RunReply& reply) {
  auto& worker = *running.worker;
  worker.residents().report(reply.models, plan_ms());
  const auto mode = memory_mode_named(running.job.input.memory_mode);
  const bool low = mode.value_or(parts_.memory.mode) == MemoryMode::kLow;
  worker.residents().used(running.model, low, plan_ms());
  const auto catalog = parts_.catalog();
  if (catalog == nullptr) return;
  const auto& models = catalog->models();
  const auto model =
      std::ranges::find_if(models, [&](const auto& each) { return each.card.id == running.model; });
  if (model == models.end()) return;
  const auto& engine = worker.cost_engine();
  const auto load = reply.timing.find("load_ms");
  const double load_ms = load == reply.timing.end() ? 0 : load->second;
  const auto in_memory =
      std::ranges::find(reply.models, running.model, &protocol::ResidentModel::id);
  if (in_memory != reply.models.end() && in_memory->bytes > 0) {
    costs_.add_model(engine, model->card, in_memory->bytes, running.loads ? load_ms : 0);
  }
  const auto taken = static_cast<double>(plan_ms() - running.planned_ms);
  costs_.add_run(engine, model->card, running.run.task(), running.work, reply.peak_bytes,
                 std::max(taken - load_ms, 1.0));
}

Explanation JobRunner::explain() {
  const auto input = plan_input();
  const auto plan =
      plan_next(input.window, input.workers, input.memory, plan_settings(), input.now_ms);
  Explanation explanation{.mode = std::string(mode_name(parts_.memory.mode))};
  for (const int queued : parts_.store.counts().queued) explanation.waiting += queued;
  if (const auto* next = next_admission(plan)) {
    explanation.next_admission = "job " + next->job + ": " + describe(*next);
  }
  int position = 0;
  for (const auto& wait : plan.waits) {
    const auto& job = *std::ranges::find(input.window.jobs, wait.job, &WaitingJob::id);
    const bool paused = wait.reason == Wait::Reason::kPaused;
    const auto waiting_ms = std::max<std::int64_t>(input.now_ms - wait.since_ms, 0);
    explanation.oldest_waiting_ms = std::max(explanation.oldest_waiting_ms, waiting_ms);
    explanation.jobs.push_back({.job = wait.job,
                                .client = job.client,
                                .task = job.task,
                                .priority = wait.priority,
                                .position = paused ? 0 : ++position,
                                .waiting_ms = waiting_ms,
                                .reason = std::string(reason_name(wait.reason)),
                                .sentence = describe(wait),
                                .expected_ms = wait.expected_ms,
                                .worker = wait.worker,
                                .job_ahead = wait.job_ahead,
                                .models = wait.models,
                                .bytes_needed = wait.bytes_needed,
                                .bytes_free = wait.bytes_free});
  }
  for (const auto& view : input.workers) {
    WorkerPlanState worker{
        .name = view.name,
        .device = view.device,
        .worker_class = view.worker_class == WorkerClass::kLight ? "light" : "main",
        .ready = view.ready,
        .places_free = view.places_free,
        .jobs = {},
        .models = {}};
    std::int64_t held = 0;
    for (const auto& [id, running] : running_) {
      if (running.worker == nullptr || running.worker->name() != view.name) continue;
      worker.jobs.push_back(
          {.job = id,
           .model = running.model,
           .priority = running.job.priority,
           .running_ms = std::max<std::int64_t>(input.now_ms - running.planned_ms, 0),
           .expected_ms = running.expected_ms,
           .peak_bytes = running.peak_bytes,
           .yielding = running.yielding,
           .suspended = running.suspended});
      held += running.suspended ? 0 : running.peak_bytes;
    }
    for (const auto& model : view.models) {
      const auto* state = model.evicting_since_ms ? "evicting" : model.busy ? "busy" : "idle";
      worker.models.push_back(
          {.id = model.id,
           .state = state,
           .bytes = model.bytes,
           .idle_ms = model.busy ? 0 : std::max<std::int64_t>(input.now_ms - model.last_used_ms, 0),
           .pinned = model.pinned});
      held += model.bytes;
    }
    auto& devices = explanation.devices;
    auto device = std::ranges::find(devices, view.device, &DeviceMemoryState::id);
    if (device == devices.end()) {
      const auto planned =
          std::ranges::find(input.memory.devices, view.device, &DeviceView::id)->bytes_budget;
      devices.push_back({.id = view.device, .bytes_budget = planned == kNoLimit ? 0 : planned});
      device = devices.end() - 1;
    }
    device->bytes_held += held;
    explanation.workers.push_back(std::move(worker));
  }
  explanation.decisions.assign(decisions_.begin(), decisions_.end());
  return explanation;
}

}  // namespace atelier::scheduler
