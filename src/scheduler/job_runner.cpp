#include "scheduler/job_runner.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "card/all_tasks.h"
#include "domain/jobs/steps.h"
#include "domain/settings/limits.h"
#include "platform/error.h"
#include "platform/log.h"
#include "platform/process_activity.h"
#include "platform/system.h"
#include "scheduler/job_media.h"
#include "scheduler/memory_ladder.h"
#include "scheduler/model_folders.h"
#include "scheduler/plan_clock.h"
#include "scheduler/stages.h"

namespace atelier::scheduler {
namespace {

using domain::Job;
using domain::JobState;
using protocol::Message;

constexpr std::chrono::seconds kPauseOfStation{
    2};  // between two ticks: the station was stopped (SIGSTOP)

std::string in_seconds(std::chrono::nanoseconds time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s";
}

std::string attempts(int attempt) {
  return std::to_string(attempt) + " of " + std::to_string(domain::limits::kAttemptsMax);
}

constexpr std::string_view kWhileItRan = " while it ran this job";

// How the attempt before ended its worker, for the end of a sentence: the reason has it since then.
std::string before(const Job& job) {
  constexpr std::string_view kMark = "; at the attempt before, ";
  if (job.attempt < 2) return "";
  if (const auto known = job.reason.find(kMark); known != std::string::npos) {
    return job.reason.substr(known);
  }
  const bool is_known = job.reason.find(kWhileItRan) != std::string::npos;
  return is_known ? std::string(kMark) + job.reason : "";
}

// The state of `job` and what only that state has are taken back: as it is shown until its outcome
// is stored.
Job as_still_running(Job job) {
  job.state = JobState::kRunning;
  job.finished_ms = 0;
  job.result.reset();
  job.failure.reset();
  return job;
}

}  // namespace

std::int64_t unix_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

JobRunner::Running* JobRunner::find(const std::string& id) {
  const auto found = running_.find(id);
  return found == running_.end() ? nullptr : &found->second;
}

void JobRunner::recover() {
  for (auto& job : parts_.store.running(parts_.node)) {
    if (job.station_crashes + 1 < domain::limits::kStationCrashesMax) {
      parts_.store.requeue(job.id, "the station ended while this ran: it runs again" + before(job),
                           domain::Requeue::kAfterStationCrash);
      continue;
    }
    job.state = JobState::kFailed;
    job.finished_ms = parts_.now_ms();
    job.last_event = parts_.board.take_event_id();
    job.failure = domain::JobFailure{
        ErrorCode::kWorkerLost,
        "the station ended without being stopped " +
            std::to_string(domain::limits::kStationCrashesMax) +
            " times while this ran, so it is not started again by itself: look into the log, and "
            "retry it (POST /api/v1/jobs/{id}/retry) once the machine has enough memory for it"};
    if (parts_.store.finish(job, JobState::kRunning)) remove_steps(parts_.artifacts, job);
  }
}

// A job whose outcome still cannot be stored is treated as interrupted by a crash at the next
// start.
void JobRunner::stop() {
  costs_.write();
  std::vector<Outcome> outcomes;
  for (auto& [id, outcome] : std::exchange(unwritten_, {})) outcomes.push_back(std::move(outcome));
  for (auto& [id, running] : std::exchange(running_, {})) {
    const auto end = end_ms(running);
    auto& outcome = outcomes.emplace_back(Outcome{.job = std::move(running.job), .event = "state"});
    outcome.job.state = running.cancel_asked ? JobState::kCancelled : JobState::kQueued;
    outcome.job.finished_ms = running.cancel_asked ? end : 0;
    if (!running.cancel_asked) {
      outcome.job.reason =
          "the station was stopped while this ran: it runs again" + before(outcome.job);
    }
  }
  for (auto& outcome : outcomes) {
    const auto problem = store(outcome);
    if (problem.empty()) continue;
    platform::log_error("job " + outcome.job.id + " may run again: it is " +
                        std::string(domain::job_state_name(outcome.job.state)) +
                        ", and that could not be stored: " + problem);
  }
}

// A failed write is logged once, and the next tick tries again.
void JobRunner::run_next() {
  std::string problem;
  try {
    start_next();
  } catch (const Error& error) {
    problem = error.what();
  }
  if (!problem.empty() && problem != start_problem_) {
    platform::log_error("no job can be started: " + problem);
  }
  start_problem_ = std::move(problem);
}

std::string JobRunner::problem() const {
  if (!store_problem_.empty()) return "the outcome of a job cannot be stored: " + store_problem_;
  return start_problem_.empty() ? "" : "no job can be started: " + start_problem_;
}

void JobRunner::leave_worker(const std::string& id) {
  auto* running = find(id);
  if (running == nullptr || running->worker == nullptr) return;
  running->worker->remove_job(id);
  running->worker = nullptr;
}

void JobRunner::start(Job job, WorkerSession& worker, const PlanInput& input) {
  const auto id = job.id;
  auto& running = running_[id];
  running.job = std::move(job);
  running.started = Clock::now();
  dispatch(id, worker, input);
}

void JobRunner::dispatch(const std::string& id, WorkerSession& worker, const PlanInput& input) {
  auto& running = *find(id);
  if (running.suspended) return resume(running);
  running.waits = false;
  running.worker = &worker;
  note_plan(running, input);
  worker.add_job(id);
  running.run_progress = {};
  running.text_bytes = 0;
  parts_.board.restart_text(id, parts_.now_ms());
  advance(running.run_progress, "load", 0, 0);
  show(running, running.job.finished_steps.empty() ? "state" : "progress");
  try {
    running.run = domain::next_run(running.job);
    running.run.parameters = with_savings(running.run.parameters, running.memory_steps);
  } catch (const Error& error) {
    fail(id, error);
    return run_next();
  }
  const auto& run = running.run;
  if (run.parameters.task() == nullptr || !worker.runs(run.task())) {
    fail(id, Error(ErrorCode::kUnsupported, "the task '" + run.task() +
                                                "' is not run here, or its parameters can no "
                                                "longer be read: send the job again"));
    return run_next();
  }
  protocol::RunRequest request;
  request.job = id;
  request.task = run.task();
  request.input = run.parameters.members();
  if (!run.attachments.empty()) return prepare(request, run);
  send(request, {});
}

// The pictures are read by the pool, and only then go to the worker.
void JobRunner::prepare(const protocol::RunRequest& request, const domain::JobInput& input) {
  parts_.pool.post(
      [this, request, input](Decoder& decoder) {
        auto full = request;
        auto parts = std::make_shared<Parts>();
        full.attachments = load_attachments(decoder, parts_.artifacts, input, *parts);
        parts_.inbox.post([this, full, parts] { send(full, std::move(*parts)); });
      },
      [this, id = request.job](const Error& error) {
        parts_.inbox.post([this, id, error] {
          if (parts_.pool.stopping()) return;  // it goes back to the queue
          // It could be read when it was sent: the failure is the station's.
          fail(id, Error(ErrorCode::kInternal,
                         std::string("a picture of this job cannot be read again: ") +
                             error.what() + "; send the job again"));
          run_next();
        });
      },
      MediaPool::For::kStation);
}

void JobRunner::send(const protocol::RunRequest& request, Parts parts) {
  auto* running = find(request.job);
  // Cancelled meanwhile; or its worker ended, and it may have been read and sent again since.
  if (running == nullptr || running->request != 0 || running->worker == nullptr) return;
  if (!running->worker->ready()) {
    return put_back(*running, "the worker ended before this was sent to it",
                    domain::Requeue::kUncounted);
  }
  const auto name = running->run.parameters.text(card::kModelMember);
  const auto model = parts_.find_model(name);
  if (!model) {
    fail(request.job, Error(ErrorCode::kNotFound, std::string(card::kModelMember),
                            "model '" + name + "' is not installed now: choose another"));
    return run_next();
  }
  running->timed = {.worker = running->worker->name(),
                    .model = running->model,
                    .stage = {},
                    .size = size_class(running->work.pixels)};
  auto full = request;
  full.models[std::string(card::kModelMember)] = protocol::model_files(model->card.id, model->path);
  running->request = running->worker->supervisor().request(
      full, std::move(parts),
      [this, id = request.job](Message message) { return read_reply(id, std::move(message)); });
}

// An exception marks the reply as malformed, which ends the worker: then the job runs again.
Supervisor::Deed JobRunner::read_reply(const std::string& id, Message message) {
  if (message.kind == Message::Kind::kFailure) {
    const auto* running = find(id);
    // A worker whose device has failed ends; the job itself has not failed.
    if (message.failure_code == ErrorCode::kWorkerLost) {
      throw Error(ErrorCode::kWorkerLost, message.failure);
    }
    if (message.failure_code == ErrorCode::kCancelled &&
        (running == nullptr || !running->cancel_asked)) {
      throw Error(ErrorCode::kCorruptData,
                  "it reported the cancellation of a job that was not cancelled");
    }
    return [this, id, error = message.error()] { refused(id, error); };
  }
  const auto reply = message.body_as<protocol::RunReply>();
  if (reply.job != id || reply.outputs.empty()) {
    throw Error(ErrorCode::kCorruptData, "a result without outputs, or of another job");
  }
  const auto outputs = std::make_shared<std::vector<MadeOutput>>();
  for (const auto& output : reply.outputs) {
    auto& made = outputs->emplace_back(MadeOutput{output.kind, std::nullopt, output.value});
    if (output.picture) made.picture = protocol::take_picture(message.parts, *output.picture);
  }
  return [this, id, reply, outputs] { made(id, reply, outputs); };
}

void JobRunner::refused(const std::string& id, const Error& error) {
  auto* running = find(id);
  auto* worker = running == nullptr ? nullptr : running->worker;
  leave_worker(id);
  if (worker != nullptr) worker->measure();
  if (running == nullptr) return;
  if (error.code() == ErrorCode::kOutOfMemory && worker != nullptr && !running->cancel_asked &&
      retry_with_less(*running, *worker)) {
    return run_next();
  }
  if (error.code() == ErrorCode::kCancelled) {
    end(*running, JobState::kCancelled, "state");
  } else {
    const auto model = parts_.find_model(running->run.parameters.text(card::kModelMember));
    const std::string sentence = error.what();
    fail(id, Error(error.code(), error.field(),
                   model ? without_place(sentence, model->path) : sentence));
  }
  run_next();
}

void JobRunner::made(const std::string& id, const protocol::RunReply& reply,
                     const Outputs& outputs) {
  auto* running = find(id);
  if (running != nullptr && running->worker != nullptr) note_run(*running, reply);
  leave_worker(id);
  if (running != nullptr) save(*running, reply, outputs);
  run_next();
}

void JobRunner::save(Running& running, const protocol::RunReply& reply, const Outputs& outputs) {
  running.kill_at.reset();  // the worker is done with it
  heard_of(running);
  advance(running.run_progress, "save", 0, 0);
  show(running, "progress");
  const auto& job = running.job;
  const bool is_last = job.finished_steps.size() + 1 == domain::runs_of(job);
  const auto origin = is_last ? domain::ArtifactOrigin::kMade : domain::ArtifactOrigin::kStep;
  parts_.pool.post(
      [this, id = job.id, &task = *running.run.parameters.task(), origin,
       facts = facts_of(running.run, reply), timing = reply.timing, outputs](Decoder& decoder) {
        domain::JobResult result{{}, facts, timing};
        result.outputs =
            keep_outputs({decoder, parts_.artifacts, id, task, facts, origin}, *outputs);
        parts_.inbox.post([this, id, result] { saved(id, result); });
      },
      [this, id = job.id](const Error& error) {
        parts_.inbox.post([this, id, error] {
          if (!parts_.pool.stopping()) fail(id, error);
        });
      },
      MediaPool::For::kStation);
}

void JobRunner::progressed(const WorkerSession& worker,
                           const protocol::ProgressNotification& notification) {
  auto* running = find(notification.job);
  if (running == nullptr || running->worker != &worker) return;
  heard_of(*running);
  auto& progress = running->run_progress;
  const auto& now = notification.progress;
  advance(progress, now.stage, now.step, now.total);
  progress.eta_seconds = now.eta_seconds;
  progress.steps_per_second = now.steps_per_second;
  show(*running, "progress");
}

Supervisor::Deed JobRunner::read_text(const WorkerSession& worker,
                                      protocol::TextNotification notification) {
  auto* running = find(notification.job);
  if (running == nullptr || running->request == 0 || running->worker != &worker) return {};
  const auto bytes = static_cast<std::int64_t>(running->text_bytes);
  if (notification.offset != bytes) {
    throw Error(ErrorCode::kCorruptData, "text of a job at offset " +
                                             std::to_string(notification.offset) +
                                             ", expected offset " + std::to_string(bytes));
  }
  if (notification.text.size() > card::kStreamedTextBytesMax - running->text_bytes) {
    throw Error(ErrorCode::kCorruptData, "more than " +
                                             std::to_string(card::kStreamedTextBytesMax >> 10) +
                                             " KB of text of one job");
  }
  return [this, running, piece = std::move(notification)] {
    heard_of(*running);
    running->text_bytes += piece.text.size();
    parts_.board.add_text(piece.job, piece.text, parts_.now_ms());
  };
}

// The progress of the run, as that of the job.
void JobRunner::show(Running& running, std::string_view event) {
  auto& job = running.job;
  auto progress = running.run_progress;
  const auto runs = static_cast<double>(domain::runs_of(job));
  const auto finished = static_cast<double>(job.finished_steps.size());
  progress.fraction = std::min(1.0, (finished + progress.fraction) / runs);
  progress.part = domain::part_of(job);
  progress.preview_artifact = std::move(job.progress.preview_artifact);
  job.progress = std::move(progress);
  parts_.board.publish(event, job, parts_.now_ms());
}

void JobRunner::previewed(const WorkerSession& worker,
                          const protocol::PreviewNotification& notification, media::Image picture) {
  auto* running = find(notification.job);
  if (running == nullptr || running->worker != &worker) return;
  if (running->preview_under_way) return;  // a slow encoder skips some
  running->preview_under_way = true;
  const auto image = std::make_shared<media::Image>(std::move(picture));
  parts_.pool.post(
      [this, id = notification.job, image](Decoder& decoder) {
        const auto artifact = parts_.previews.put(id, decoder.encode(*image, "jpeg", {}));
        parts_.inbox.post([this, id, artifact] {
          auto* shown = find(id);
          if (shown == nullptr) return;
          shown->preview_under_way = false;
          shown->job.progress.preview_artifact = artifact;
          parts_.board.publish("preview", shown->job, parts_.now_ms());
        });
      },
      [this, id = notification.job](const Error& error) {
        platform::log_warning(std::string("a preview is missing: ") + error.what());
        parts_.inbox.post([this, id] {
          if (auto* shown = find(id)) shown->preview_under_way = false;
        });
      },
      MediaPool::For::kStation);
}

void JobRunner::saved(const std::string& id, domain::JobResult result) {
  auto* running = find(id);
  if (running == nullptr) return;
  auto& job = running->job;
  const bool is_step = !job.input.steps.empty();
  if (is_step) job.finished_steps.push_back(result);
  if (running->cancel_asked) return end(*running, JobState::kCancelled, "state");
  if (job.finished_steps.size() < job.input.steps.size()) return wait_for_next_step(*running);
  job.result = is_step ? domain::composed(job) : std::move(result);
  advance(job.progress, "done", 0, 0);
  end(*running, JobState::kSucceeded, "result");
}

// A step that the disk does not take is repeated if the station ends before the job does.
void JobRunner::wait_for_next_step(Running& running) {
  try {
    parts_.store.keep_steps(running.job);
  } catch (const Error& error) {
    platform::log_error("a finished step of job " + running.job.id +
                        " is not stored: " + error.what());
  }
  running.memory_steps = 0;
  wait_again(running);
  show(running, "progress");
  run_next();
}

// For a place on a worker, and the memory.
void JobRunner::wait_again(Running& running) {
  running.waits = true;
  running.waits_since_ms = plan_ms();
  running.begun = running.yielding = false;
  running.request = 0;
  running.run_progress = {};
  running.run_progress.stage = "queued";
}

// False where everything has been tried.
bool JobRunner::retry_with_less(Running& running, WorkerSession& worker) {
  const auto step =
      next_memory_step(domain::next_run(running.job).parameters, running.memory_steps);
  if (step.kind == MemoryStep::Kind::kNone) return false;
  ++running.memory_steps;
  auto& job = running.job;
  add_decision(
      {.kind = "out_of_memory",
       .reason = std::string(reason_name(step.kind)),
       .sentence = "job " + job.id + " on worker '" + worker.name() + "': " + step.sentence,
       .job = job.id,
       .model = running.model,
       .worker = worker.name()});
  job.reason = step.sentence;
  if (step.kind == MemoryStep::Kind::kSaving) job.input.warnings.push_back(step.sentence);
  wait_again(running);
  show(running, "state");
  if (step.kind == MemoryStep::Kind::kRestartWorker) {
    worker.supervisor().kill("job " + job.id + " was out of memory", Supervisor::Blame::kNobody);
  } else {
    evict_idle(worker.device());
  }
  return true;
}

// All models on the device that no run uses.
void JobRunner::evict_idle(const std::string& device) {
  for (const auto& worker : parts_.workers) {
    if (worker->device() != device || !worker->ready()) continue;
    std::set<std::string> busy;
    for (const auto& [id, running] : running_) {
      if (running.worker == worker.get()) busy.insert(running.model);
    }
    for (const auto& model : worker->residents().view(busy, {}, std::nullopt)) {
      if (!model.busy && !model.evicting_since_ms) {
        worker->evict(model.id, [this] { run_next(); });
      }
    }
  }
}

void JobRunner::fail(const std::string& id, const Error& error) {
  auto* running = find(id);
  if (running == nullptr) return;
  const auto named = domain::error_of_run(running->job, error);
  running->job.failure = domain::JobFailure{named.code(), named.what(), named.field()};
  end(*running, JobState::kFailed, "error");
}

// The start is the time of day, durations are measured by the monotonic clock.
std::int64_t JobRunner::end_ms(const Running& running) const {
  const auto taken = Clock::now() - running.started;
  return running.job.started_ms +
         std::chrono::duration_cast<std::chrono::milliseconds>(taken).count();
}

void JobRunner::end(Running& running, JobState state, std::string_view event) {
  ++ended_;
  leave_worker(running.job.id);
  const auto finished_ms = end_ms(running);
  Outcome outcome{.job = std::move(running.job), .event = event};
  running_.erase(outcome.job.id);
  uncounted_ends_.erase(outcome.job.id);
  outcome.job.state = state;
  outcome.job.finished_ms = finished_ms;
  settle(std::move(outcome));
}

void JobRunner::settle(Outcome outcome) {
  const auto problem = store(outcome);
  if (problem.empty()) return;
  publish_unwritten(outcome, problem);
  outcome.problem = problem;
  store_problem_ = problem;
  outcome.next_try = Clock::now() + domain::limits::kWriteAgain;
  const auto id = outcome.job.id;
  unwritten_.insert_or_assign(id, std::move(outcome));
}

std::string JobRunner::store(Outcome& outcome) {
  auto& job = outcome.job;
  bool was_running = false;
  try {
    if (domain::is_terminal(job.state)) {
      job.last_event = parts_.board.take_event_id();
      was_running = parts_.store.finish(job, JobState::kRunning);
    } else {
      was_running = parts_.store.requeue(job.id, job.reason, outcome.counted);
    }
  } catch (const Error& error) {
    return error.what();
  }
  if (!was_running) {  // only this thread ends running jobs: another program has written to the
                       // database
    platform::log_error("job " + job.id + " was not running in the database when it was " +
                        std::string(domain::job_state_name(job.state)));
  }
  if (job.state == JobState::kQueued && outcome.counted != domain::Requeue::kAfterAttempt) {
    job.attempt -= 1;
  }
  if (domain::is_terminal(job.state)) remove_steps(parts_.artifacts, job);
  parts_.board.publish(outcome.event, job, job.finished_ms > 0 ? job.finished_ms : parts_.now_ms());
  return "";
}

void JobRunner::publish_unwritten(const Outcome& outcome, const std::string& why) {
  const std::string end(domain::job_state_name(outcome.job.state));
  platform::log_error("job " + outcome.job.id + " is " + end +
                      " and that is not stored yet: " + why);
  auto shown = as_still_running(outcome.job);
  shown.reason =
      (outcome.job.state == JobState::kQueued ? outcome.job.reason + ", and that"
                                              : "this job is done (" + end + "), and that") +
      " cannot be stored yet: " + why + "; the write is repeated until it succeeds";
  parts_.board.publish("state", shown, parts_.now_ms());
}

void JobRunner::write_again(Clock::time_point now) {
  store_problem_.clear();
  for (auto it = unwritten_.begin(); it != unwritten_.end();) {
    auto& outcome = it->second;
    if (now >= outcome.next_try) {
      outcome.problem = store(outcome);
      outcome.next_try = now + domain::limits::kWriteAgain;
    }
    if (!outcome.problem.empty()) store_problem_ = outcome.problem;
    it = outcome.problem.empty() ? unwritten_.erase(it) : std::next(it);
  }
}

void JobRunner::cancel(const std::string& id) {
  if (auto* running = find(id)) {
    if (running->cancel_asked) return;
    running->cancel_asked = true;
    if (running->request == 0) {  // its pictures are being read: not sent to the worker yet
      end(*running, JobState::kCancelled, "state");
      return run_next();
    }
    if (running->worker == nullptr) return;  // being saved: it ends in a moment
    running->kill_at = Clock::now() + parts_.patience.cancel;
    protocol::CancelNotification notification;
    notification.job = id;
    return running->worker->supervisor().notify(notification);
  }
  if (const auto found = unwritten_.find(id); found != unwritten_.end()) {
    auto& outcome = found->second;
    if (outcome.job.state != JobState::kQueued) return;  // it has ended
    outcome.job.state = JobState::kCancelled;
    outcome.job.finished_ms = parts_.now_ms();
    outcome.next_try = Clock::now();
    return;
  }
  auto job = parts_.store.find(id);
  if (!job || job->state != JobState::kQueued) return;
  job->state = JobState::kCancelled;
  job->finished_ms = parts_.now_ms();
  job->last_event = parts_.board.take_event_id();
  if (parts_.store.finish(*job, JobState::kQueued)) {
    remove_steps(parts_.artifacts, *job);
    parts_.board.publish("state", *job, job->finished_ms);
  }
}

void JobRunner::tick(Clock::time_point now) {
  write_again(now);
  if (now >= write_costs_at_) {
    costs_.write();
    write_costs_at_ = now + domain::limits::kWriteCosts;
  }
  const auto since = now - std::exchange(last_tick_, now).value_or(now);
  for (auto& [id, running] : running_) {
    if (running.worker == nullptr || running.request == 0 || running.suspended) continue;
    // Time in which the station itself was stopped is not charged to the worker.
    if (since > kPauseOfStation) running.last_message += since;
    kill_if_late(running, now);
  }
}

void JobRunner::kill_if_late(Running& running, Clock::time_point now) {
  auto& worker = running.worker->supervisor();
  if (running.kill_at && now >= *running.kill_at) {
    running.kill_at.reset();
    return worker.kill("it did not stop job " + running.job.id + " when that was cancelled",
                       Supervisor::Blame::kNobody);
  }
  if (!running.begun) return;
  const auto silence = silence_of(running, now);
  const auto stage = stage_of(running);
  const auto allowed = stage_times_.allowed(stage, parts_.patience);
  if (silence < allowed) return;
  // On a machine with more work than processors a step may take as many times as long.
  if (stage_times_.slowest(stage) && silence < allowed * platform::load_per_processor()) return;
  worker.kill(describe_silence(running, silence), Supervisor::Blame::kWorker);
}

void JobRunner::heard_of(Running& running) {
  const auto now = Clock::now();
  if (running.begun) {
    const auto time = now - running.last_message;
    stage_times_.add(stage_of(running), std::chrono::ceil<std::chrono::milliseconds>(time));
  }
  running.begun = true;
  running.last_message = now;
}

StageKey JobRunner::stage_of(const Running& running) const {
  auto stage = running.timed;
  stage.stage = running.run_progress.stage;
  return stage;
}

// A worker that reads pages from a disk is slow, not hung: its weights were dropped from the page
// cache, or the machine swaps.
JobRunner::Clock::duration JobRunner::silence_of(Running& running, Clock::time_point now) const {
  constexpr std::chrono::seconds kShort{1};
  if (now - running.last_message < kShort) return now - running.last_message;
  const auto faults = platform::process_activity(running.worker->supervisor().pid()).page_faults;
  if (std::exchange(running.page_faults, faults) != faults) running.last_page_fault = now;
  return now - std::max(running.last_message, running.last_page_fault);
}

std::string JobRunner::describe_silence(const Running& running, Clock::duration silence) const {
  const auto& progress = running.run_progress;
  const auto slowest = stage_times_.slowest(stage_of(running));
  return "it made no progress with job " + running.job.id + " for " + in_seconds(silence) +
         " in stage '" + progress.stage + "'" +
         (progress.total > 0
              ? ", step " + std::to_string(progress.step) + " of " + std::to_string(progress.total)
              : "") +
         (slowest ? " (the slowest measured time without a report there is " +
                        in_seconds(*slowest) + ")"
                  : " (no time was measured there before)");
}

void JobRunner::worker_lost(WorkerSession& worker, const WorkerEnd& end_of_worker) {
  worker.take_jobs();
  std::vector<std::string> ids;  // suspended ones too
  for (const auto& [id, running] : running_) {
    if (running.worker == &worker) ids.push_back(id);
  }
  for (const auto& id : ids) {
    auto* running = find(id);
    if (running == nullptr) continue;
    running->worker = nullptr;
    if (running->cancel_asked) {
      end(*running, JobState::kCancelled, "state");
    } else {
      repeat(*running, end_of_worker);
    }
  }
}

// An attempt is counted when the worker ended by its own fault while it ran this job: not when
// another request was in front of it or the job had not begun, unless that is repeated too often.
void JobRunner::repeat(Running& running, const WorkerEnd& end) {
  const auto& job = running.job;
  const bool its_turn = running.begun || (running.request != 0 && running.request == end.under_way);
  const bool ran = its_turn && end.own_fault &&
                   (running.begun || ++uncounted_ends_[job.id] > domain::limits::kUncountedEndsMax);
  if (!ran) {
    return put_back(running,
                    "the worker " + end.sentence + " before it began with this: it runs again",
                    domain::Requeue::kUncounted);
  }
  if (job.attempt >= domain::limits::kAttemptsMax) {
    return fail(job.id, Error(ErrorCode::kWorkerLost,
                              "the worker " + end.sentence + std::string(kWhileItRan) +
                                  " (attempt " + attempts(job.attempt) + ")" + before(job) +
                                  ": choose a smaller size or another model, or see the log"));
  }
  put_back(running,
           "the worker " + end.sentence + std::string(kWhileItRan) + ": it runs again, attempt " +
               attempts(job.attempt + 1),
           domain::Requeue::kAfterAttempt);
}

void JobRunner::put_back(Running& running, const std::string& reason, domain::Requeue counted) {
  leave_worker(running.job.id);
  Outcome outcome{.job = std::move(running.job), .event = "state", .counted = counted};
  auto& again = outcome.job;
  running_.erase(again.id);
  parts_.board.restart_text(again.id, parts_.now_ms());
  again.state = JobState::kQueued;
  again.reason = reason + (counted == domain::Requeue::kAfterAttempt ? "" : before(again));
  again.started_ms = 0;
  again.progress = {};
  again.progress.stage = "queued";
  again.progress.fraction = static_cast<double>(again.finished_steps.size()) /
                            static_cast<double>(domain::runs_of(again));
  settle(std::move(outcome));
}

}  // namespace atelier::scheduler
