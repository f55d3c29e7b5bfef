#include "worker/session.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <thread>
#include <utility>

#include "platform/error.h"
#include "platform/log.h"
#include "platform/system.h"
#include "platform/utf8.h"

namespace atelier::worker {
namespace {

constexpr std::size_t kCancelledKept = 64;
// How long a job may take to end after the station has closed the socket; then the process exits.
constexpr std::chrono::seconds kOrphanPatience{2};

bool is_job(const protocol::Message& message) {
  return message.method == protocol::RunRequest::kMethod;
}

bool is_resume(const protocol::Message& message) {
  return message.method == protocol::ResumeNotification::kMethod;
}

// The member `job` of a request whose body is not checked yet; "" where it has none.
std::string job_id(const protocol::Message& message) {
  const auto* body = message.body.if_object();
  const auto* id = body == nullptr ? nullptr : body->if_contains("job");
  return id == nullptr || !id->is_string() ? "" : std::string(id->get_string());
}

// Moves the pictures out of the parts.
engine::RunRequest engine_request(const protocol::RunRequest& request,
                                  std::vector<protocol::Bytes>& parts) {
  engine::RunRequest job{.task = request.task, .input_json = {}, .models = {}, .attachments = {}};
  json::append_value(job.input_json, request.input);
  for (const auto& [role, files] : request.models) job.models[role] = {files.id, path_of(files)};
  for (const auto& [role, frames] : request.attachments) {
    for (const auto& frame : frames) {
      job.attachments[role].push_back(
          {protocol::take_picture(parts, frame.picture), frame.number, frame.total});
    }
  }
  return job;
}

std::vector<protocol::ResidentModel> resident(const std::vector<engine::ModelInMemory>& models) {
  std::vector<protocol::ResidentModel> listed;
  for (const auto& model : models) listed.push_back({model.id, model.bytes});
  return listed;
}

protocol::RunReply reply_of(const std::string& job, engine::RunResult result,
                            std::vector<protocol::Bytes>& parts) {
  protocol::RunReply reply{
      job, {}, json::parse(result.facts_json), std::move(result.timing), result.peak_bytes, {}};
  for (engine::Output& output : result.outputs) {
    protocol::OutputRef ref{output.kind, {}, {}};
    if (output.json.empty()) {
      ref.picture = protocol::add_picture(parts, std::move(output.picture));
    } else {
      ref.value = json::parse(output.json);
    }
    reply.outputs.push_back(std::move(ref));
  }
  return reply;
}

}  // namespace

class Session::Observer final : public engine::JobObserver {
 public:
  Observer(Session& session, Job& job) : session_(session), kept_(job), job_(job.id) {}

  void on_progress(const card::Progress& progress) override {
    session_.notify(protocol::notification_frame(protocol::ProgressNotification{job_, progress}));
  }

  void on_preview(const media::Image& preview) override {
    std::vector<protocol::Bytes> parts;
    protocol::PreviewNotification notification{job_, protocol::add_picture(parts, preview)};
    session_.notify(protocol::notification_frame(notification, std::move(parts)));
  }

  void on_text(std::string_view piece) override {
    if (piece.empty()) return;
    if (!platform::is_utf8(piece)) {
      throw Error(ErrorCode::kInternal,
                  "the engine sent a piece of text that is not UTF-8, or that ends inside a UTF-8 "
                  "sequence: this is an error in its pipeline");
    }
    if (piece.size() > card::kStreamedTextBytesMax - text_bytes_) {
      throw Error(ErrorCode::kTooLarge, "the text has more than " +
                                            std::to_string(card::kStreamedTextBytesMax >> 10) +
                                            " KB: ask for a shorter one");
    }
    session_.notify(protocol::notification_frame(protocol::TextNotification{
        job_, static_cast<std::int64_t>(text_bytes_), std::string(piece)}));
    text_bytes_ += piece.size();
  }

  bool cancelled() override { return session_.is_cancelled(job_); }
  bool suspend_asked() override { return session_.is_to_wait(kept_); }
  void wait_while_suspended(int steps) override { session_.wait_while_suspended(kept_, steps); }

 private:
  Session& session_;
  Job& kept_;
  const std::string job_;
  std::size_t text_bytes_ = 0;  // sent so far
};

int Session::run() {
  running_max_ = std::max(1, engine_.report().running_max);
  std::jthread reader([this] { read_all(); });
  std::vector<std::jthread> others;
  const int threads = running_max_ + protocol::kSuspendedJobsMax;
  for (int i = 1; i < threads; ++i) others.emplace_back([this, i] { work(i); });
  work(0);
  others.clear();  // waits for them
  int code = kExitOk;
  {
    const std::scoped_lock lock(mutex_);
    finished_ = true;
    code = exit_code();
  }
  changed_.notify_all();
  channel_.close();
  return code;
}

int Session::exit_code() const {
  return device_lost_ ? kExitDeviceLost : bad_message_ ? kExitBadMessage : kExitOk;
}

void Session::read_all() {
  bool bad = false;
  try {
    while (auto frame = channel_.receive()) take(protocol::read_message(std::move(*frame)));
  } catch (const std::exception& error) {
    platform::log_error(std::string("atelier-worker: ") + error.what());
    const auto* ours = dynamic_cast<const Error*>(&error);
    bad = ours == nullptr || ours->code() != ErrorCode::kWorkerLost;  // which is the station's end
  }
  // Closed first: jobs that end because of this were not cancelled, so no reply about them may be
  // sent.
  channel_.close();
  std::unique_lock lock(mutex_);
  closed_ = true;
  bad_message_ = bad;
  changed_.notify_all();
  if (!changed_.wait_for(lock, kOrphanPatience, [this] { return finished_; })) {
    // The engine is still busy with work whose result is not needed now.
    ::_exit(exit_code());
  }
}

void Session::take(protocol::Message message) {
  if (message.method == protocol::PingRequest::kMethod) {
    // At once, also while a job runs: the station checks that this process responds.
    return channel_.send(protocol::result_frame(message.id, protocol::Empty{}));
  }
  const std::scoped_lock lock(mutex_);
  if (message.method == protocol::CancelNotification::kMethod) {
    cancelled_.push_back(message.body_as<protocol::CancelNotification>().job);
    if (cancelled_.size() > kCancelledKept) cancelled_.pop_front();
  } else if (message.method == protocol::SuspendNotification::kMethod) {
    take_suspend(message.body_as<protocol::SuspendNotification>().job);
  } else if (is_resume(message)) {
    take_resume(message.body_as<protocol::ResumeNotification>().job);
  } else if (message.kind == protocol::Message::Kind::kRequest) {
    Job* job = is_job(message) ? &jobs_.emplace_back(Job{.id = job_id(message)}) : nullptr;
    waiting_.push_back({std::move(message), job});
  }
  changed_.notify_all();
}

Session::Job* Session::find_job(const std::string& id) {
  const auto found = std::ranges::find(jobs_, id, &Job::id);
  return found == jobs_.end() ? nullptr : &*found;
}

void Session::take_suspend(const std::string& id) {
  Job* job = find_job(id);
  if (job == nullptr) return;
  const auto resumes = [job](const Request& request) {
    return is_resume(request.message) && request.job == job;
  };
  // With a `resume` that waits for a place the job goes on first.
  if (job->stage == Job::Stage::kSuspended && std::ranges::none_of(waiting_, resumes)) return;
  const auto others = std::ranges::count_if(jobs_, [job](const Job& each) {
    return &each != job && (each.suspend_asked || each.stage == Job::Stage::kSuspended);
  });
  if (others < protocol::kSuspendedJobsMax) job->suspend_asked = true;
}

// In the order of arrival among the requests: what was to be evicted for the job is gone when it
// goes on.
void Session::take_resume(const std::string& id) {
  Job* job = find_job(id);
  if (job == nullptr) return;
  if (std::exchange(job->suspend_asked, false) || job->stage != Job::Stage::kSuspended) return;
  Request resume{{}, job};
  resume.message.method = protocol::ResumeNotification::kMethod;
  waiting_.push_back(std::move(resume));
}

// A closed socket is not a device failure: the job ends as if it were cancelled.
void Session::notify(const protocol::Frame& frame) {
  try {
    channel_.send(frame);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kWorkerLost) throw;
    throw Error(ErrorCode::kCancelled, error.what());
  }
}

bool Session::is_cancelled(const std::string& job) {
  const std::scoped_lock lock(mutex_);
  return was_cancelled(job);
}

bool Session::was_cancelled(const std::string& job) const {
  return closed_ || std::find(cancelled_.begin(), cancelled_.end(), job) != cancelled_.end();
}

bool Session::is_to_wait(const Job& job) {
  const std::scoped_lock lock(mutex_);
  return job.suspend_asked && !closed_;
}

void Session::wait_while_suspended(Job& job, int steps) {
  {
    const std::scoped_lock lock(mutex_);
    if (!job.suspend_asked || was_cancelled(job.id)) return;  // taken back, or it ends
    job.suspend_asked = false;
    job.stage = Job::Stage::kSuspended;
    changed_.notify_all();
  }
  notify(protocol::notification_frame(protocol::SuspendedNotification{job.id, steps}));
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return was_cancelled(job.id) || may_go_on(job); });
  // A cancelled job ends beside those that run: it takes no place again.
  if (was_cancelled(job.id)) return;
  waiting_.pop_front();
  job.stage = Job::Stage::kRuns;
  changed_.notify_all();
}

bool Session::place_is_free() const {
  const auto runs = [](const Job& job) { return job.stage == Job::Stage::kRuns; };
  return !engine_taken_ && std::ranges::count_if(jobs_, runs) < running_max_;
}

bool Session::may_take() const {
  if (waiting_.empty() || is_resume(waiting_.front().message)) return false;
  if (waiting_.front().job != nullptr) return place_is_free();
  return !engine_taken_ &&
         std::ranges::none_of(jobs_, [](const Job& job) { return job.stage == Job::Stage::kRuns; });
}

bool Session::may_go_on(const Job& job) const {
  return !waiting_.empty() && is_resume(waiting_.front().message) && waiting_.front().job == &job &&
         place_is_free();
}

// A suspended job will use what it has freed again.
bool Session::may_give_memory_back() const {
  return memory_kept_ && !engine_taken_ && waiting_.empty() && jobs_.empty();
}

std::optional<Session::Request> Session::next(int thread) {
  std::unique_lock lock(mutex_);
  free_threads_.insert(thread);
  for (;;) {
    changed_.wait(lock, [&] {
      return closed_ ||
             (*free_threads_.begin() == thread && (may_take() || may_give_memory_back()));
    });
    if (closed_) return std::nullopt;
    if (may_take()) break;
    engine_taken_ = true;
    memory_kept_ = false;
    lock.unlock();
    engine_.give_back_memory();
    lock.lock();
    engine_taken_ = false;
    changed_.notify_all();
  }
  Request request = std::move(waiting_.front());
  waiting_.pop_front();
  free_threads_.erase(thread);
  if (request.job != nullptr) {
    request.job->stage = Job::Stage::kRuns;
  } else {
    engine_taken_ = true;
  }
  changed_.notify_all();  // the next one may be a job that runs beside this one
  return request;
}

void Session::done(const Request& request) {
  const std::scoped_lock lock(mutex_);
  if (request.job != nullptr) {
    std::erase_if(waiting_, [&](const Request& each) { return each.job == request.job; });
    jobs_.remove_if([&](const Job& job) { return &job == request.job; });
    memory_kept_ = true;
  } else {
    engine_taken_ = false;
  }
  changed_.notify_all();
}

void Session::work(int thread) {
  while (auto request = next(thread)) {
    answer(*request);
    done(*request);
  }
}

// The process ends. Jobs that run beside the one that failed end as well, but not because they were
// cancelled: the channel is closed first, so that no such reply is sent.
void Session::end_after_device_loss() {
  channel_.close();
  const std::scoped_lock lock(mutex_);
  device_lost_ = closed_ = true;
  changed_.notify_all();
}

void Session::answer(Request& request) {
  const protocol::Message& message = request.message;
  // The reply is sent after the handler has been left: an error's memory is free by then.
  protocol::Frame reply;
  bool device_lost = false;
  try {
    reply = reply_to(request);
  } catch (const Error& error) {
    device_lost = error.code() == ErrorCode::kWorkerLost;
    reply = protocol::failure_frame(message.id, error);
  } catch (const std::bad_alloc&) {
    reply = protocol::failure_frame(
        message.id,
        Error(ErrorCode::kOutOfMemory, "out of memory: choose a smaller size or batch"));
  } catch (const std::exception& error) {
    reply = protocol::failure_frame(
        message.id, Error(ErrorCode::kInternal, message.method + " failed: " + error.what()));
  }
  if (const auto what = protocol::over_limit(reply, channel_.limits()); !what.empty()) {
    reply = protocol::failure_frame(
        message.id, Error(ErrorCode::kTooLarge, "the result is too large for a message: it makes " +
                                                    what + "; reduce the batch or the size"));
  }
  try {
    channel_.send(reply);
  } catch (const Error& error) {
    // The socket is closed; the reader has seen it as well, and next() ends the loop.
    platform::log_warning(std::string("atelier-worker: ") + error.what());
  }
  if (device_lost) end_after_device_loss();
}

protocol::Frame Session::reply_to(Request& taken) {
  const protocol::Message& message = taken.message;
  if (taken.job != nullptr) return run_job(taken);
  if (message.method == protocol::InspectRequest::kMethod) {
    const auto request = message.body_as<protocol::InspectRequest>();
    return protocol::result_frame(
        message.id,
        protocol::InspectReply{engine_.inspect({request.model.id, path_of(request.model)})});
  }
  if (message.method == protocol::MemoryRequest::kMethod) return memory(message);
  if (message.method == protocol::EvictRequest::kMethod) {
    engine_.evict(message.body_as<protocol::EvictRequest>().model);
    return memory(message);
  }
  if (message.method == protocol::UnloadRequest::kMethod) {
    engine_.unload_all();
    return protocol::result_frame(message.id, protocol::Empty{});
  }
  throw Error(ErrorCode::kUnsupported, "unknown method '" + message.method + "'");
}

protocol::Frame Session::run_job(Request& taken) {
  protocol::Message& message = taken.message;
  const auto request = message.body_as<protocol::RunRequest>();
  Observer observer(*this, *taken.job);
  observer.on_progress({.stage = "load"});  // from now on this process runs it
  engine::RunRequest job = engine_request(request, message.parts);
  if (observer.cancelled()) throw Error(ErrorCode::kCancelled, "the job was cancelled");
  engine::RunResult result = engine_.run(std::move(job), observer);
  std::vector<protocol::Bytes> parts;
  protocol::RunReply reply = reply_of(request.job, std::move(result), parts);
  reply.models = resident(engine_.memory().models);
  return protocol::result_frame(message.id, reply, std::move(parts));
}

protocol::Frame Session::memory(const protocol::Message& message) {
  engine::MemoryReport report = engine_.memory();
  return protocol::result_frame(
      message.id, protocol::MemoryReply{report.device_bytes_total, report.device_bytes_free,
                                        platform::resident_bytes(::getpid()), report.held_bytes,
                                        resident(report.models)});
}

}  // namespace atelier::worker
