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
  Observer(Session& session, std::string job) : session_(session), job_(std::move(job)) {}

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

 private:
  Session& session_;
  const std::string job_;
  std::size_t text_bytes_ = 0;  // sent so far
};

int Session::run() {
  running_max_ = std::max(1, engine_.report().running_max);
  std::jthread reader([this] { read_all(); });
  std::vector<std::jthread> others;
  for (int i = 1; i < running_max_; ++i) others.emplace_back([this] { work(Takes::kJobsAlone); });
  work(Takes::kEveryRequest);
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
  } else if (message.kind == protocol::Message::Kind::kRequest) {
    waiting_.push_back(std::move(message));
  }
  changed_.notify_all();
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
  return closed_ || std::find(cancelled_.begin(), cancelled_.end(), job) != cancelled_.end();
}

bool Session::may_take(Takes takes) const {
  if (waiting_.empty() || engine_taken_) return false;
  if (is_job(waiting_.front())) return jobs_running_ < running_max_;
  return takes == Takes::kEveryRequest && jobs_running_ == 0;
}

bool Session::may_give_memory_back() const {
  return memory_kept_ && waiting_.empty() && jobs_running_ == 0;
}

std::optional<protocol::Message> Session::next(Takes takes) {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] {
      return closed_ || may_take(takes) ||
             (takes == Takes::kEveryRequest && may_give_memory_back());
    });
    if (closed_) return std::nullopt;
    if (may_take(takes)) break;
    engine_taken_ = true;
    memory_kept_ = false;
    lock.unlock();
    engine_.give_back_memory();
    lock.lock();
    engine_taken_ = false;
    changed_.notify_all();
  }
  protocol::Message message = std::move(waiting_.front());
  waiting_.pop_front();
  is_job(message) ? static_cast<void>(++jobs_running_) : static_cast<void>(engine_taken_ = true);
  changed_.notify_all();  // the next one may be a job that runs beside this one
  return message;
}

void Session::done(const protocol::Message& message) {
  const std::scoped_lock lock(mutex_);
  if (is_job(message)) {
    --jobs_running_;
    memory_kept_ = true;
  } else {
    engine_taken_ = false;
  }
  changed_.notify_all();
}

void Session::work(Takes takes) {
  while (auto message = next(takes)) {
    answer(*message);
    done(*message);
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

void Session::answer(protocol::Message& message) {
  // The reply is sent after the handler has been left: an error's memory is free by then.
  protocol::Frame reply;
  bool device_lost = false;
  try {
    reply = reply_to(message);
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

protocol::Frame Session::reply_to(protocol::Message& message) {
  if (is_job(message)) return run_job(message);
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

protocol::Frame Session::run_job(protocol::Message& message) {
  const auto request = message.body_as<protocol::RunRequest>();
  Observer observer(*this, request.job);
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
