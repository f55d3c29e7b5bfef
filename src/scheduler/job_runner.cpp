#include "scheduler/job_runner.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "card/infotext.h"
#include "card/tasks/picture_record.h"
#include "domain/jobs/attachment_rules.h"
#include "domain/settings/limits.h"
#include "platform/error.h"
#include "platform/log.h"
#include "scheduler/model_folders.h"
#include "scheduler/plan.h"
#include "scheduler/stages.h"

namespace atelier::scheduler {
namespace {

using domain::Job;
using domain::JobState;
using protocol::Message;

constexpr auto kWorkerName = "main";
constexpr std::chrono::seconds kPauseOfStation{2};  // between two ticks: it stood still (SIGSTOP)

std::string attempts(int attempt) {
  return std::to_string(attempt) + " of " + std::to_string(domain::limits::kAttemptsMax);
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

// Encodes and stores each picture with the texts that say how it was made.
std::vector<std::string> store_pictures(Decoder& decoder, domain::ArtifactStore& artifacts,
                                        const std::string& job,
                                        const protocol::GenerateReply& reply,
                                        const std::vector<media::Image>& pictures) {
  std::vector<std::string> ids;
  for (const auto& image : pictures) {
    const auto index = static_cast<int>(ids.size());
    const auto encoded =
        decoder.encode(image, "png",
                       {{"parameters", domain::write_infotext(reply.used, index)},
                        {"atelier", domain::write_picture_record(job, reply.used, index)}});
    ids.push_back(artifacts.put(encoded.bytes, encoded.media_type, domain::ArtifactOrigin::kMade));
  }
  return ids;
}

std::optional<protocol::PictureRef> load_picture(Decoder& decoder, domain::ArtifactStore& artifacts,
                                                 const std::string& id,
                                                 std::optional<media::Colour> matte,
                                                 std::vector<protocol::Bytes>& parts) {
  if (id.empty()) return std::nullopt;
  auto decoded = decoder.decode(artifacts.get(id).bytes, matte);
  return protocol::add_picture(parts, std::move(decoded.image));
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
  for (auto& job : parts_.store.running()) {
    if (job.station_crashes + 1 < domain::limits::kStationCrashesMax) {
      parts_.store.requeue(job.id, "the station ended while this ran: it runs again",
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
    parts_.store.finish(job, JobState::kRunning);
  }
}

// What still cannot be stored is a job that the next start takes for one that a crash interrupted.
void JobRunner::stop() {
  std::vector<Outcome> outcomes;
  for (auto& [id, outcome] : std::exchange(unwritten_, {})) outcomes.push_back(std::move(outcome));
  for (auto& [id, running] : std::exchange(running_, {})) {
    const auto end = end_ms(running);
    auto& outcome = outcomes.emplace_back(Outcome{.job = std::move(running.job), .event = "state"});
    outcome.job.state = running.cancel_asked ? JobState::kCancelled : JobState::kQueued;
    outcome.job.finished_ms = running.cancel_asked ? end : 0;
    if (!running.cancel_asked) {
      outcome.job.reason = "the station was stopped while this ran: it runs again";
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

// A store that cannot be written stops no tick: it is said once, and the next tick tries again.
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
  if (!store_problem_.empty()) return "what became of a job cannot be stored: " + store_problem_;
  return start_problem_.empty() ? "" : "no job can be started: " + start_problem_;
}

void JobRunner::start_next() {
  if (!on_worker_.empty() || parts_.worker.state() != Supervisor::State::kReady) return;
  if (!parts_.models_known()) return;
  std::vector<WaitingJob> queue;
  std::map<std::string, Job> jobs;
  for (auto& job : parts_.store.queued(domain::limits::kQueueWindow)) {
    queue.push_back({job.id, job.priority});
    jobs.emplace(job.id, std::move(job));
  }
  const WorkerSlot slot{.name = kWorkerName, .idle = true};
  for (const auto& assignment : plan_next(queue, std::span(&slot, 1))) {
    auto job = std::move(jobs.at(assignment.job));
    job.started_ms = parts_.now_ms();
    if (!parts_.store.claim(job.id, job.started_ms)) continue;
    job.state = JobState::kRunning;
    job.attempt += 1;
    dispatch(std::move(job));
  }
}

void JobRunner::dispatch(Job job) {
  const auto id = job.id;
  job.progress.stage = "load";
  auto& running = running_[id];
  running.job = std::move(job);
  running.started = Clock::now();
  parts_.board.publish("state", running.job, parts_.now_ms());
  protocol::GenerateRequest request;
  request.job = id;
  request.input = running.job.input.generation;
  on_worker_ = id;
  const auto& input = running.job.input;
  if (!input.image_artifact.empty() || !input.mask_artifact.empty()) {
    return prepare(request, input);
  }
  send(request, {});
}

// The pictures are read by the pool, and only then go to the worker.
void JobRunner::prepare(const protocol::GenerateRequest& request, const domain::JobInput& input) {
  parts_.pool.post(
      [this, request, input](Decoder& decoder) {
        auto full = request;
        auto parts = std::make_shared<Parts>();
        const auto load = [&](const card::Attachment& attachment, const std::string& id) {
          const auto matte = domain::matte_of(attachment, input.generation);
          return load_picture(decoder, parts_.artifacts, id, matte, *parts);
        };
        full.image = load(card::kSourcePicture, input.image_artifact);
        full.mask = load(card::kMask, input.mask_artifact);
        parts_.inbox.post([this, full, parts] { send(full, std::move(*parts)); });
      },
      [this, id = request.job](const Error& error) {
        parts_.inbox.post([this, id, error] {
          if (parts_.pool.stopping()) return;  // it goes back to the queue
          if (on_worker_ == id) on_worker_.clear();
          // It could be read when it was sent: what happened since is not the sender's fault.
          fail(id, ErrorCode::kInternal,
               std::string("a picture of this job cannot be read again: ") + error.what() +
                   "; send the job again");
          run_next();
        });
      },
      MediaPool::For::kStation);
}

void JobRunner::send(const protocol::GenerateRequest& request, Parts parts) {
  auto* running = find(request.job);
  // Cancelled meanwhile; or its worker died, and it may have been read and sent again since.
  if (running == nullptr || running->request != 0 || on_worker_ != request.job) return;
  if (parts_.worker.state() != Supervisor::State::kReady) {
    on_worker_.clear();
    return put_back(*running, "the worker ended before this was handed to it",
                    domain::Requeue::kUncounted);
  }
  const auto model = parts_.find_model(request.input.model);
  if (!model) {
    on_worker_.clear();
    fail(request.job, ErrorCode::kNotFound,
         "model '" + request.input.model + "' is not installed any more: choose another");
    return run_next();
  }
  auto full = request;
  full.model = protocol::model_files(model->card.id, model->path);
  running->request = parts_.worker.request(
      full, std::move(parts),
      [this, id = request.job](Message message) { return read_reply(id, std::move(message)); });
}

// What it throws makes the reply a wrong one, which ends the worker: then the job runs again.
Supervisor::Deed JobRunner::read_reply(const std::string& id, Message message) {
  if (message.kind == Message::Kind::kFailure) {
    const auto* running = find(id);
    // A worker whose device has failed ends: that is no failure of the job.
    if (message.failure_code == ErrorCode::kWorkerLost) {
      throw Error(ErrorCode::kWorkerLost, message.failure);
    }
    if (message.failure_code == ErrorCode::kCancelled &&
        (running == nullptr || !running->cancel_asked)) {
      throw Error(ErrorCode::kCorruptData, "it cancelled a job that nobody cancelled");
    }
    return [this, id, code = message.failure_code, sentence = message.failure] {
      refused(id, code, sentence);
    };
  }
  const auto reply = message.body_as<protocol::GenerateReply>();
  if (reply.job != id || reply.images.empty()) {
    throw Error(ErrorCode::kCorruptData, "a result without pictures, or of another job");
  }
  const auto pictures = std::make_shared<std::vector<media::Image>>();
  for (const auto& ref : reply.images) {
    pictures->push_back(protocol::take_picture(message.parts, ref));
  }
  return [this, id, reply, pictures] { made(id, reply, pictures); };
}

void JobRunner::refused(const std::string& id, ErrorCode code, const std::string& sentence) {
  if (on_worker_ == id) on_worker_.clear();
  auto* running = find(id);
  if (running == nullptr) return;
  if (code == ErrorCode::kCancelled) {
    end(*running, JobState::kCancelled, "state");
  } else {
    const auto model = parts_.find_model(running->job.input.generation.model);
    fail(id, code, model ? without_place(sentence, model->path) : sentence);
  }
  run_next();
}

void JobRunner::made(const std::string& id, protocol::GenerateReply reply,
                     const Pictures& pictures) {
  if (on_worker_ == id) on_worker_.clear();
  parts_.worker.reset_backoff();
  if (auto* running = find(id)) save(*running, std::move(reply), pictures);
  run_next();
}

void JobRunner::save(Running& running, protocol::GenerateReply reply, const Pictures& pictures) {
  running.kill_at.reset();  // the worker is done with it
  auto& job = running.job;
  advance(job.progress, "save", 0, 0);
  parts_.board.publish("progress", job, parts_.now_ms());
  const auto& input = job.input;
  if (!input.image_artifact.empty()) {
    const auto matte = domain::matte_of(card::kSourcePicture, input.generation);
    if (matte) reply.used.matte = media::text_of(*matte);
  }
  auto& warnings = reply.used.warnings;
  warnings.insert(warnings.begin(), job.input.warnings.begin(), job.input.warnings.end());
  parts_.pool.post(
      [this, id = job.id, reply, pictures](Decoder& decoder) {
        domain::JobResult result;
        result.artifacts = store_pictures(decoder, parts_.artifacts, id, reply, *pictures);
        result.used = reply.used;
        result.timing = reply.timing;
        parts_.inbox.post([this, id, result] { succeed(id, result); });
      },
      [this, id = job.id](const Error& error) {
        parts_.inbox.post([this, id, error] {
          if (!parts_.pool.stopping()) fail(id, error.code(), error.what());
        });
      },
      MediaPool::For::kStation);
}

void JobRunner::progressed(const protocol::ProgressNotification& notification) {
  auto* running = find(notification.job);
  if (running == nullptr) return;
  running->begun = true;
  running->heard = Clock::now();
  auto& progress = running->job.progress;
  advance(progress, notification.stage, notification.step, notification.total);
  progress.eta_seconds = notification.eta_seconds;
  progress.steps_per_second = notification.steps_per_second;
  parts_.board.publish("progress", running->job, parts_.now_ms());
}

void JobRunner::previewed(const protocol::PreviewNotification& notification, media::Image picture) {
  auto* running = find(notification.job);
  if (running == nullptr || running->preview_under_way) return;  // a slow encoder skips some
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

void JobRunner::succeed(const std::string& id, domain::JobResult result) {
  auto* running = find(id);
  if (running == nullptr) return;
  if (running->cancel_asked) return end(*running, JobState::kCancelled, "state");
  auto& job = running->job;
  job.result = std::move(result);
  advance(job.progress, "done", 0, 0);
  end(*running, JobState::kSucceeded, "result");
}

void JobRunner::fail(const std::string& id, ErrorCode code, const std::string& sentence) {
  auto* running = find(id);
  if (running == nullptr) return;
  running->job.failure = domain::JobFailure{code, sentence};
  end(*running, JobState::kFailed, "error");
}

// The start by the clock, the rest measured: a clock that is set meanwhile changes no duration.
std::int64_t JobRunner::end_ms(const Running& running) const {
  const auto taken = Clock::now() - running.started;
  return running.job.started_ms +
         std::chrono::duration_cast<std::chrono::milliseconds>(taken).count();
}

void JobRunner::end(Running& running, JobState state, std::string_view event) {
  ++ended_;
  const auto finished_ms = end_ms(running);
  Outcome outcome{.job = std::move(running.job), .event = event};
  running_.erase(outcome.job.id);
  stood_by_.erase(outcome.job.id);
  outcome.job.state = state;
  outcome.job.finished_ms = finished_ms;
  settle(std::move(outcome));
}

void JobRunner::settle(Outcome outcome) {
  const auto problem = store(outcome);
  if (problem.empty()) return;
  tell_unwritten(outcome, problem);
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
  if (!was_running) {  // nobody but this thread ends running jobs: somebody wrote into the file
    platform::log_error("job " + job.id + " was not running in the database when it was " +
                        std::string(domain::job_state_name(job.state)));
  }
  if (job.state == JobState::kQueued && outcome.counted != domain::Requeue::kAfterAttempt) {
    job.attempt -= 1;
  }
  parts_.board.publish(outcome.event, job, job.finished_ms > 0 ? job.finished_ms : parts_.now_ms());
  return "";
}

void JobRunner::tell_unwritten(const Outcome& outcome, const std::string& why) {
  const std::string end(domain::job_state_name(outcome.job.state));
  platform::log_error("job " + outcome.job.id + " is " + end +
                      " and that is not stored yet: " + why);
  auto shown = as_still_running(outcome.job);
  shown.reason =
      (outcome.job.state == JobState::kQueued ? outcome.job.reason + ", and that"
                                              : "this job is done (" + end + "), and that") +
      " cannot be stored yet: " + why + "; it is tried again until it is stored";
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
    if (running->request == 0) {  // its pictures are being read: the worker knows nothing of it
      on_worker_.clear();
      end(*running, JobState::kCancelled, "state");
      return run_next();
    }
    if (on_worker_ != id) return;  // being saved: it ends in a moment
    running->kill_at = Clock::now() + parts_.patience.cancel;
    protocol::CancelNotification notification;
    notification.job = id;
    return parts_.worker.notify(notification);
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
    parts_.board.publish("state", *job, job->finished_ms);
  }
}

void JobRunner::tick(Clock::time_point now) {
  write_again(now);
  const auto since = now - std::exchange(last_tick_, now).value_or(now);
  auto* running = find(on_worker_);
  if (running == nullptr || running->request == 0) return;
  // Time in which the station itself stood still is not the worker's.
  if (since > kPauseOfStation) running->heard += since;
  if (running->kill_at && now >= *running->kill_at) {
    running->kill_at.reset();
    return parts_.worker.kill("it did not stop job " + running->job.id + " when that was cancelled",
                              Supervisor::Blame::kNobody);
  }
  if (running->begun && now - running->heard >= parts_.patience.job) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(parts_.patience.job).count();
    parts_.worker.kill(
        "it said nothing of job " + running->job.id + " for " + std::to_string(seconds) + " s",
        Supervisor::Blame::kWorker);
  }
}

void JobRunner::worker_lost(const WorkerEnd& end_of_worker) {
  const auto id = std::exchange(on_worker_, "");
  auto* running = find(id);
  if (running == nullptr) return;
  if (running->cancel_asked) return end(*running, JobState::kCancelled, "state");
  repeat(*running, end_of_worker);
}

// An attempt is counted when the worker ended by its own fault while it ran this job: not when it
// worked on something else that was in front, and not when it had not begun yet, unless that
// happens again and again.
void JobRunner::repeat(Running& running, const WorkerEnd& end) {
  const auto& job = running.job;
  const bool its_turn = running.request != 0 && running.request == end.under_way;
  const bool ran = its_turn && end.own_fault &&
                   (running.begun || ++stood_by_[job.id] > domain::limits::kStoodByMax);
  if (!ran) {
    return put_back(running,
                    "the worker " + end.sentence + " before it began with this: it runs again",
                    domain::Requeue::kUncounted);
  }
  if (job.attempt >= domain::limits::kAttemptsMax) {
    return fail(job.id, ErrorCode::kWorkerLost,
                "the worker " + end.sentence +
                    " while it made this picture, as it did before "
                    "(attempt " +
                    attempts(job.attempt) +
                    "): choose a smaller size or another model, or see the log");
  }
  put_back(running,
           "the worker " + end.sentence + " while it made this picture: it runs again, attempt " +
               attempts(job.attempt + 1),
           domain::Requeue::kAfterAttempt);
}

void JobRunner::put_back(Running& running, const std::string& reason, domain::Requeue counted) {
  Outcome outcome{.job = std::move(running.job), .event = "state", .counted = counted};
  auto& again = outcome.job;
  running_.erase(again.id);
  again.state = JobState::kQueued;
  again.reason = reason;
  again.started_ms = 0;
  again.progress = {};
  again.progress.stage = "queued";
  settle(std::move(outcome));
}

}  // namespace atelier::scheduler
