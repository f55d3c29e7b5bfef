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

namespace atelier::worker {
namespace {

constexpr std::size_t kCancelledKept = 64;
// How long a job may take to notice that the station is gone before the process ends without it.
constexpr std::chrono::seconds kOrphanPatience{2};

}  // namespace

class Session::Observer final : public engine::JobObserver {
 public:
  Observer(Session& session, std::string job) : session_(session), job_(std::move(job)) {}

  void on_progress(const engine::Progress& progress) override {
    session_.tell(protocol::notification_frame(
        protocol::ProgressNotification{job_, progress.stage, progress.step, progress.total,
                                       progress.eta_seconds, progress.steps_per_second}));
  }

  void on_preview(const media::Image& preview) override {
    std::vector<protocol::Bytes> parts;
    protocol::PreviewNotification notification{job_, protocol::add_picture(parts, preview)};
    session_.tell(protocol::notification_frame(notification, std::move(parts)));
  }

  bool cancelled() override { return session_.is_cancelled(job_); }

 private:
  Session& session_;
  const std::string job_;
};

int Session::run() {
  std::jthread reader([this] { read_all(); });
  while (auto message = requests_.take()) {
    answer(*message);
    if (device_lost_) break;
    if (message->method == protocol::GenerateRequest::kMethod && requests_.empty())
      engine_.give_back_memory();
  }
  {
    const std::scoped_lock lock(mutex_);
    finished_ = true;
    if (bad_message_) exit_code_ = kExitBadMessage;
  }
  changed_.notify_all();
  channel_.close();
  return exit_code_;
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
  // First of all: a job that ends because of this was not cancelled, so nothing may be said of it.
  channel_.close();
  std::unique_lock lock(mutex_);
  bad_message_ = bad;
  requests_.close();
  if (!changed_.wait_for(lock, kOrphanPatience, [this] { return finished_; })) {
    // The engine is in the middle of something long; its result has no receiver any more.
    ::_exit(bad ? kExitBadMessage : kExitOk);
  }
}

void Session::take(protocol::Message message) {
  if (message.method == protocol::PingRequest::kMethod) {
    // At once, also while a job runs: the station asks whether this process lives.
    return channel_.send(protocol::result_frame(message.id, protocol::Empty{}));
  }
  if (message.method == protocol::CancelNotification::kMethod) {
    const std::scoped_lock lock(mutex_);
    cancelled_.push_back(message.body_as<protocol::CancelNotification>().job);
    if (cancelled_.size() > kCancelledKept) cancelled_.pop_front();
  } else if (message.kind == protocol::Message::Kind::kRequest) {
    requests_.push(std::move(message));
  }
}

// A station that is gone is no failure of the device: the job ends as at a cancellation.
void Session::tell(const protocol::Frame& frame) {
  try {
    channel_.send(frame);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kWorkerLost) throw;
    throw Error(ErrorCode::kCancelled, error.what());
  }
}

bool Session::is_cancelled(const std::string& job) {
  if (requests_.closed()) return true;
  const std::scoped_lock lock(mutex_);
  return std::find(cancelled_.begin(), cancelled_.end(), job) != cancelled_.end();
}

void Session::answer(protocol::Message& message) {
  // The reply is sent after the handler has been left: an error's memory is free by then.
  protocol::Frame reply;
  try {
    reply = reply_to(message);
  } catch (const Error& error) {
    device_lost_ = error.code() == ErrorCode::kWorkerLost;
    reply = protocol::failure_frame(message.id, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    reply = protocol::failure_frame(message.id, ErrorCode::kOutOfMemory,
                                    "out of memory: choose a smaller size or batch");
  } catch (const std::exception& error) {
    reply = protocol::failure_frame(message.id, ErrorCode::kInternal,
                                    message.method + " failed: " + error.what());
  }
  if (device_lost_) exit_code_ = kExitDeviceLost;
  if (const auto what = protocol::over_limit(reply, channel_.limits()); !what.empty()) {
    reply = protocol::failure_frame(
        message.id, ErrorCode::kTooLarge,
        "the result is too large to be handed over: it makes " + what + "; ask for less at a time");
  }
  try {
    channel_.send(reply);
  } catch (const Error& error) {
    // The station is gone; the reader has seen it, too, and run() ends.
    platform::log_warning(std::string("atelier-worker: ") + error.what());
  }
}

protocol::Frame Session::reply_to(protocol::Message& message) {
  if (message.method == protocol::GenerateRequest::kMethod) return generate(message);
  if (message.method == protocol::InspectRequest::kMethod) {
    const auto request = message.body_as<protocol::InspectRequest>();
    return protocol::result_frame(
        message.id,
        protocol::InspectReply{engine_.inspect({request.model.id, path_of(request.model)})});
  }
  if (message.method == protocol::MemoryRequest::kMethod) return memory(message);
  if (message.method == protocol::UnloadRequest::kMethod) {
    engine_.unload_all();
    return protocol::result_frame(message.id, protocol::Empty{});
  }
  throw Error(ErrorCode::kUnsupported, "the worker does not know '" + message.method + "'");
}

protocol::Frame Session::generate(protocol::Message& message) {
  const auto request = message.body_as<protocol::GenerateRequest>();
  Observer observer(*this, request.job);
  observer.on_progress({.stage = "load"});  // from now on this process works on it
  engine::GenerateJob job{{request.model.id, path_of(request.model)}, request.input, {}, {}};
  if (request.image) job.image = protocol::take_picture(message.parts, *request.image);
  if (request.mask) job.mask = protocol::take_picture(message.parts, *request.mask);

  if (observer.cancelled()) throw Error(ErrorCode::kCancelled, "the job was cancelled");
  engine::GenerateResult result = engine_.generate(job, observer);

  protocol::GenerateReply reply{request.job, {}, std::move(result.used), result.timing};
  std::vector<protocol::Bytes> parts;
  for (media::Image& image : result.images) {
    reply.images.push_back(protocol::add_picture(parts, std::move(image)));
  }
  return protocol::result_frame(message.id, reply, std::move(parts));
}

protocol::Frame Session::memory(const protocol::Message& message) {
  engine::MemoryReport report = engine_.memory();
  return protocol::result_frame(
      message.id,
      protocol::MemoryReply{report.device_bytes_total, report.device_bytes_free,
                            report.resident_model_bytes, platform::resident_bytes(::getpid()),
                            std::move(report.loaded_models)});
}

}  // namespace atelier::worker
