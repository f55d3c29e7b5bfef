#include "scheduler/supervisor.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "domain/settings/limits.h"
#include "platform/error.h"
#include "platform/log.h"

namespace atelier::scheduler {
namespace {

constexpr auto kNotStarted = "the worker program could not be started: see the log";

// Loading libtorch and probing the processor takes seconds on a busy machine, not minutes.
constexpr std::chrono::seconds kGreetingPatience{120};

using protocol::Message;

// The reader's thread: whole messages become letters; the end of the stream is the last one.
void read_all(protocol::Channel& channel, const std::function<void(Message)>& received,
              const std::function<void()>& ended) {
  try {
    while (auto frame = channel.receive()) received(protocol::read_message(std::move(*frame)));
  } catch (const std::exception& error) {
    platform::log_error(std::string("the worker talks nonsense and is replaced: ") + error.what());
  }
  ended();
}

}  // namespace

Supervisor::Supervisor(LaunchChild launch, Inbox& inbox, SupervisorEvents events)
    : launch_(std::move(launch)), inbox_(inbox), events_(std::move(events)) {}

Supervisor::~Supervisor() { drop_child(); }

void Supervisor::drop_child() {
  if (child_) child_->channel().close();
  if (reader_.joinable()) reader_.join();
  child_.reset();
}

void Supervisor::tick(Clock::time_point now) {
  if (!child_ && now >= restart_at_) start(now);
  if (child_ && state_ == State::kStarting && now >= greeting_until_) child_->kill();
}

void Supervisor::start(Clock::time_point now) {
  delay_ = std::clamp(delay_ * 2, domain::limits::kRestartDelayMin,
                      std::chrono::milliseconds(domain::limits::kRestartDelayMax));
  restart_at_ = now + delay_;
  if (life_ > 0) ++restarts_;
  const auto life = ++life_;
  if (state_ != State::kMissing) state_ = State::kLost;
  if (problem_.empty()) problem_ = kNotStarted;
  child_ = std::make_unique<Child>(launch_);  // throws: tried again at restart_at_
  if (problem_ == kNotStarted) problem_.clear();
  state_ = State::kStarting;
  greeting_until_ = now + kGreetingPatience;
  reader_ = std::thread([this, life, channel = &child_->channel()] {
    read_all(
        *channel,
        [this, life](Message message) {
          // Shared, because letters are copied and pictures are not to be.
          auto shared = std::make_shared<Message>(std::move(message));
          inbox_.post([this, life, shared] { received(life, std::move(*shared)); });
        },
        [this, life] { inbox_.post([this, life] { ended(life); }); });
  });
  request(protocol::HelloRequest{}, {}, [this](const Message& message) { greeted(message); });
}

void Supervisor::send(const protocol::Frame& frame) {
  // A worker that is gone has its end in the inbox already: that letter does what is to be done.
  if (child_ && !child_->ended()) child_->channel().send(frame);
}

void Supervisor::received(std::uint64_t life, Message message) {
  if (life != life_ || !child_) return;
  if (message.kind == Message::Kind::kNotification) {
    if (state_ == State::kReady) events_.notified(std::move(message));
    return;
  }
  const auto found = pending_.find(message.id);
  if (found == pending_.end()) return;
  const auto reply = std::move(found->second);
  pending_.erase(found);
  reply(std::move(message));
}

void Supervisor::greeted(const Message& message) {
  if (message.kind == Message::Kind::kFailure) {
    state_ = State::kMissing;
    problem_ = message.failure;
    return child_->kill();
  }
  const auto hello = message.body_as<protocol::HelloReply>();
  problem_ = protocol::version_problem(hello.protocol_version, hello.program);
  if (problem_.empty() && hello.state != "ready") problem_ = hello.problem;
  if (!problem_.empty()) {
    state_ = State::kMissing;
    platform::log_error("the worker cannot work: " + problem_);
    return child_->kill();
  }
  state_ = State::kReady;
  events_.ready(hello);
}

void Supervisor::ended(std::uint64_t life) {
  if (life != life_ || !child_) return;
  const auto end = child_->describe_end();
  drop_child();
  pending_.clear();
  if (state_ != State::kMissing) {
    state_ = State::kLost;
    problem_ = "the worker " + end + "; another is being started";
    platform::log_warning(problem_);
  }
  events_.lost(end);
}

void Supervisor::kill() {
  if (child_) child_->kill();
}

}  // namespace atelier::scheduler
