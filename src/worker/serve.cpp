#include "worker/serve.h"

#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "platform/error.h"
#include "platform/log.h"
#include "platform/system.h"
#include "protocol/messages.h"

namespace atelier::worker {
namespace {

constexpr int kEnded = 0, kNoEngine = 1, kDeviceFailed = 2;

// What the reader thread leaves for the job thread.
class Inbox {
 public:
  void push(protocol::Message message) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(message));
    changed_.notify_one();
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_one();
  }
  // Nothing when the station has gone; what it still wanted is of no use to it any more.
  std::optional<protocol::Message> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
    if (closed_) return std::nullopt;
    protocol::Message message = std::move(waiting_.front());
    waiting_.pop_front();
    return message;
  }

  void begin_job(const std::string& job) {
    const std::lock_guard lock(mutex_);
    running_ = job;
    // A cancellation may have overtaken its job in the queue above.
    cancelled_ = std::exchange(cancelled_early_, "") == job;
  }
  void end_job() {
    const std::lock_guard lock(mutex_);
    running_.clear();
    cancelled_ = false;
  }
  void cancel(const std::string& job) {
    const std::lock_guard lock(mutex_);
    if (running_ == job) {
      cancelled_ = true;
    } else {
      cancelled_early_ = job;
    }
  }
  // The station's end cancels too: nobody is left to want the picture.
  bool cancelled() {
    const std::lock_guard lock(mutex_);
    return cancelled_ || closed_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<protocol::Message> waiting_;
  std::string running_, cancelled_early_;
  bool cancelled_ = false, closed_ = false;
};

class Observer final : public engine::JobObserver {
 public:
  Observer(protocol::Channel& channel, Inbox& inbox, std::string job)
      : channel_(channel), inbox_(inbox), job_(std::move(job)) {}

  void on_progress(const engine::Progress& progress) override {
    channel_.send(protocol::notification_frame(
        protocol::ProgressNotification{job_, progress.stage, progress.step, progress.total,
                                       progress.eta_seconds, progress.steps_per_second}));
  }
  void on_preview(const media::Image& preview) override {
    std::vector<protocol::Bytes> parts;
    const protocol::PictureRef ref = protocol::add_picture(parts, preview);
    channel_.send(
        protocol::notification_frame(protocol::PreviewNotification{job_, ref}, std::move(parts)));
  }
  bool cancelled() override { return inbox_.cancelled(); }

 private:
  protocol::Channel& channel_;
  Inbox& inbox_;
  const std::string job_;
};

std::vector<protocol::NamedChoice> on_the_wire(std::vector<engine::NamedChoice> choices) {
  std::vector<protocol::NamedChoice> wire;
  for (engine::NamedChoice& choice : choices) {
    wire.push_back({std::move(choice.id), std::move(choice.title), choice.available,
                    std::move(choice.aliases)});
  }
  return wire;
}

protocol::HelloReply hello_of(engine::Engine& engine, const std::string& engine_name) {
  const engine::EngineReport report = engine.report();
  protocol::HelloReply reply;
  reply.engine = protocol::EngineFacts{engine_name,    report.device_name,   report.libtorch,
                                       report.blas,    report.compute_dtype, report.cpu_capability,
                                       report.threads, report.sgemm_gflops,  report.problems};
  reply.samplers = on_the_wire(engine.samplers());
  reply.schedules = on_the_wire(engine.schedules());
  if (engine_name == "fake") reply.cards.push_back(engine.inspect({}));
  return reply;
}

protocol::Frame generate(protocol::Message& message, engine::Engine& engine,
                         protocol::Channel& channel, Inbox& inbox) {
  const auto request = message.body_as<protocol::GenerateRequest>();
  engine::GenerateJob job{{request.model.id, request.model.path}, request.input, {}, {}};
  if (request.image) job.image = protocol::take_picture(message.parts, *request.image);
  if (request.mask) job.mask = protocol::take_picture(message.parts, *request.mask);
  Observer observer(channel, inbox, request.job);
  engine::GenerateResult result = engine.generate(job, observer);
  protocol::GenerateReply reply{request.job, {}, std::move(result.used), result.timing};
  std::vector<protocol::Bytes> parts;
  for (media::Image& image : result.images) {
    reply.images.push_back(protocol::add_picture(parts, std::move(image)));
  }
  return protocol::result_frame(message.id, reply, std::move(parts));
}

protocol::Frame memory(const protocol::Message& message, engine::Engine& engine) {
  engine::MemoryReport report = engine.memory();
  return protocol::result_frame(
      message.id,
      protocol::MemoryReply{report.device_bytes_total, report.device_bytes_free,
                            report.resident_model_bytes, platform::resident_bytes(::getpid()),
                            std::move(report.loaded_models)});
}

protocol::Frame answer(protocol::Message& message, engine::Engine& engine,
                       protocol::Channel& channel, Inbox& inbox) {
  if (message.method == protocol::GenerateRequest::kMethod) {
    return generate(message, engine, channel, inbox);
  }
  if (message.method == protocol::InspectRequest::kMethod) {
    const auto request = message.body_as<protocol::InspectRequest>();
    return protocol::result_frame(
        message.id, protocol::InspectReply{engine.inspect({request.model.id, request.model.path})});
  }
  if (message.method == protocol::MemoryRequest::kMethod) return memory(message, engine);
  if (message.method == protocol::UnloadRequest::kMethod) {
    engine.unload_all();
    return protocol::result_frame(message.id, protocol::Empty{});
  }
  if (message.method == protocol::PingRequest::kMethod) {
    return protocol::result_frame(message.id, protocol::Empty{});
  }
  throw Error(ErrorCode::kUnsupported, "the worker knows no method '" + message.method + "'");
}

// The reader thread: cancellations at once, everything else in order.
void read_all(protocol::Channel& channel, Inbox& inbox) {
  try {
    while (std::optional<protocol::Frame> frame = channel.receive()) {
      protocol::Message message = protocol::read_message(std::move(*frame));
      if (message.method == protocol::CancelNotification::kMethod) {
        inbox.cancel(message.body_as<protocol::CancelNotification>().job);
      } else if (message.kind == protocol::Message::Kind::kRequest) {
        inbox.push(std::move(message));
      }
    }
  } catch (const Error& error) {
    platform::log_error(std::string("the station sent nonsense: ") + error.what());
  }
  inbox.close();
}

// One request, answered or refused. Returns whether the process may go on serving.
bool handle(protocol::Message message, engine::Engine& engine, protocol::Channel& channel,
            Inbox& inbox) {
  const std::int64_t id = message.id;
  const bool is_job = message.method == protocol::GenerateRequest::kMethod;
  protocol::Frame reply;
  bool healthy = true;
  try {
    if (is_job) inbox.begin_job(message.body_as<protocol::GenerateRequest>().job);
    reply = answer(message, engine, channel, inbox);
  } catch (const Error& error) {
    reply = protocol::failure_frame(id, error.code(), error.what());
    healthy = error.code() != ErrorCode::kWorkerLost;  // the engine says so of a poisoned device
  } catch (const std::bad_alloc&) {
    reply = protocol::failure_frame(id, ErrorCode::kOutOfMemory,
                                    "out of memory: choose a smaller size or batch");
  } catch (const std::exception& error) {
    reply = protocol::failure_frame(id, ErrorCode::kInternal, error.what());
  }
  if (is_job) inbox.end_job();
  channel.send(reply);
  return healthy;
}

// Answers hello; nothing when this worker cannot work.
EnginePointer greet(protocol::Channel& channel, Inbox& inbox, const std::string& engine_name,
                    const EngineMaker& make_engine) {
  EnginePointer engine{nullptr, [](engine::Engine*) {}};
  const std::optional<protocol::Message> message = inbox.pop();
  if (!message) return engine;
  protocol::HelloReply reply;
  try {
    if (message->method != protocol::HelloRequest::kMethod) {
      throw Error(ErrorCode::kUnsupported, "the station must say hello first");
    }
    const auto hello = message->body_as<protocol::HelloRequest>();
    const std::string problem = protocol::version_problem(hello.protocol_version, hello.program);
    if (!problem.empty()) throw Error(ErrorCode::kUnsupported, problem);
    engine = make_engine();
    reply = hello_of(*engine, engine_name);
  } catch (const Error& error) {
    reply.state = error.code() == ErrorCode::kUnsupported ? "missing" : "failed";
    reply.problem = error.what();
  } catch (const std::exception& error) {
    reply.state = "failed";
    reply.problem = error.what();
  }
  if (reply.state != "ready") engine.reset();
  reply.program = "atelier-worker";
  reply.pid = ::getpid();
  channel.send(protocol::result_frame(message->id, reply));
  return engine;
}

int serve_until_closed(protocol::Channel& channel, Inbox& inbox, const std::string& engine_name,
                       const EngineMaker& make_engine) {
  const EnginePointer engine = greet(channel, inbox, engine_name, make_engine);
  if (!engine) return kNoEngine;
  while (std::optional<protocol::Message> message = inbox.pop()) {
    if (!handle(std::move(*message), *engine, channel, inbox)) return kDeviceFailed;
  }
  return kEnded;
}

}  // namespace

int serve(protocol::Channel& channel, const std::string& engine_name,
          const EngineMaker& make_engine) {
  Inbox inbox;
  std::thread reader([&] { read_all(channel, inbox); });
  int status = kEnded;
  try {
    status = serve_until_closed(channel, inbox, engine_name, make_engine);
  } catch (const Error& error) {
    // send() found the station gone, which the reader sees too.
    platform::log_info(std::string("the worker ends: ") + error.what());
  }
  channel.close();
  reader.join();
  return status;
}

}  // namespace atelier::worker
