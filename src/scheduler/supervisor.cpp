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

// Longer than any message takes to handle: after such a pause the station itself was stopped
// (SIGSTOP).
constexpr std::chrono::seconds kPauseOfStation{2};

using protocol::Message;

std::string in_seconds(std::chrono::milliseconds time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s";
}

// The reader's thread: posts each whole message to the inbox, and the worker's end as the last.
void read_all(Child& child, const std::function<void(Message)>& received,
              const std::function<void(const std::string&)>& ended) {
  try {
    while (auto frame = child.channel().receive()) {
      received(protocol::read_message(std::move(*frame)));
    }
  } catch (const std::exception& error) {
    child.channel().close();
    child.end(std::string("it sent a malformed message: ") + error.what());
  }
  ended(child.describe_end());
}

}  // namespace

Supervisor::Supervisor(LaunchChild launch, Inbox& inbox, SupervisorEvents events,
                       const Patience& patience)
    : launch_(std::move(launch)), inbox_(inbox), events_(std::move(events)), patience_(patience) {}

Supervisor::~Supervisor() { drop_child(); }

void Supervisor::drop_child() {
  if (child_) child_->channel().close();  // wakes both threads
  outbox_.reset();
  if (reader_.joinable()) reader_.join();
  child_.reset();
}

void Supervisor::tick(Clock::time_point now) {
  const auto pause = now - last_tick_.value_or(now);
  last_tick_ = now;
  if (pause >= kPauseOfStation) {
    hello_until_ += pause;
    ping_until_ += pause;
  }
  if (!child_ && now >= restart_at_) start(now);
  if (child_) check_on_it(now);
}

void Supervisor::check_on_it(Clock::time_point now) {
  if (state_ == State::kStarting && now >= hello_until_) {
    return kill("it did not get ready within " + in_seconds(patience_.greeting), Blame::kWorker);
  }
  if (state_ != State::kReady) return;
  if (ping_ != 0) {
    if (now >= ping_until_) {
      kill("it did not answer for " + in_seconds(patience_.ping), Blame::kWorker);
    }
  } else if (now >= ping_at_) {
    ping_until_ = now + patience_.ping;
    ping_at_ = now + patience_.ping_every;
    ping_ = request(protocol::PingRequest{}, {},
                    [this](const Message&) { return [this] { ping_ = 0; }; });
  }
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
  outbox_ = std::make_unique<Outbox>(child_->channel(), domain::limits::kOutboxBytesMax);
  if (problem_ == kNotStarted) problem_.clear();
  state_ = State::kStarting;
  blame_ = Blame::kWorker;
  hello_until_ = now + patience_.greeting;
  reader_ = std::thread([this, life, child = child_.get()] {
    read_all(
        *child,
        [this, life](Message message) {
          // Shared, because the inbox copies its messages, and pictures must not be copied.
          auto shared = std::make_shared<Message>(std::move(message));
          inbox_.post([this, life, shared] { received(life, std::move(*shared)); });
        },
        [this, life](const std::string& end) {
          inbox_.post([this, life, end] { ended(life, end); });
        });
  });
  request(protocol::HelloRequest{}, {}, [this](const Message& message) -> Deed {
    if (message.kind == Message::Kind::kFailure) {
      return [this, why = message.failure] { unusable(why); };
    }
    return [this, hello = message.body_as<protocol::HelloReply>()] { on_hello(hello); };
  });
}

void Supervisor::send(protocol::Frame frame, std::int64_t request) {
  if (const auto what = protocol::over_limit(frame); !what.empty()) {
    const auto failure = std::make_shared<Message>();
    failure->kind = Message::Kind::kFailure;
    failure->id = request;
    failure->failure_code = ErrorCode::kTooLarge;
    failure->failure = "this is too large for the worker: it makes " + what;
    inbox_.post([this, life = life_, failure] { received(life, std::move(*failure)); });
    return;
  }
  if (outbox_ && !outbox_->post(std::move(frame))) {
    kill("it did not read the messages that were sent to it", Blame::kWorker);
  }
}

void Supervisor::received(std::uint64_t life, Message message) {
  if (life != life_ || !child_) return;
  Deed deed;
  try {
    deed = read_message(std::move(message));
  } catch (const std::exception& error) {
    const auto* ours = dynamic_cast<const Error*>(&error);
    const bool gave_up = ours != nullptr && ours->code() == ErrorCode::kWorkerLost;
    const std::string what = gave_up ? "it stopped: " : "it sent a malformed message: ";
    return kill(what + error.what(), Blame::kWorker);
  }
  if (deed) deed();
}

Supervisor::Deed Supervisor::read_message(Message message) {
  if (message.kind == Message::Kind::kNotification) return read_notification(std::move(message));
  const auto found = pending_.find(message.id);
  if (message.kind == Message::Kind::kRequest || found == pending_.end()) {
    throw Error(ErrorCode::kCorruptData, "a reply without a request");
  }
  auto deed = found->second(std::move(message));
  pending_.erase(found);
  return deed;
}

Supervisor::Deed Supervisor::read_notification(Message message) {
  if (state_ != State::kReady) return {};
  if (message.method == protocol::ProgressNotification::kMethod) {
    return [this, progress = message.body_as<protocol::ProgressNotification>()] {
      events_.progressed(progress);
    };
  }
  if (message.method == protocol::SuspendedNotification::kMethod && events_.suspended) {
    return [this, suspended = message.body_as<protocol::SuspendedNotification>()] {
      events_.suspended(suspended);
    };
  }
  if (message.method == protocol::TextNotification::kMethod) {
    return events_.text(message.body_as<protocol::TextNotification>());
  }
  if (message.method == protocol::PreviewNotification::kMethod) {
    const auto preview = message.body_as<protocol::PreviewNotification>();
    const auto picture =
        std::make_shared<media::Image>(protocol::take_picture(message.parts, preview.picture));
    return [this, preview, picture] { events_.previewed(preview, std::move(*picture)); };
  }
  return {};
}

void Supervisor::unusable(const std::string& problem) {
  problem_ = problem;
  state_ = State::kMissing;
  platform::log_error("the worker cannot work: " + problem_);
  child_->end(problem_);
}

void Supervisor::on_hello(const protocol::HelloReply& hello) {
  if (state_ != State::kStarting) return;  // too late: it is being ended
  auto problem = protocol::version_problem(hello.protocol_version, hello.program);
  if (problem.empty() && hello.state != "ready") problem = hello.problem;
  if (!problem.empty()) return unusable(problem);
  problem_.clear();
  state_ = State::kReady;
  ping_ = 0;
  ping_at_ = {};
  events_.ready(hello);
}

// Its requests are answered in order, but for pings, which are answered at once.
std::int64_t Supervisor::under_way() const {
  for (const auto& [id, unused] : pending_) {
    if (id != ping_) return id;
  }
  return 0;
}

void Supervisor::ended(std::uint64_t life, const std::string& end) {
  if (life != life_ || !child_) return;
  const WorkerEnd event{end, blame_ == Blame::kWorker, under_way()};
  drop_child();
  pending_.clear();
  ping_ = 0;
  if (state_ != State::kMissing) {
    state_ = State::kLost;
    problem_ = "the worker " + end + "; another is being started";
    platform::log_warning(problem_);
  }
  events_.lost(event);
}

void Supervisor::kill(const std::string& why, Blame blame) {
  if (!child_ || state_ == State::kMissing || state_ == State::kLost) return;
  state_ = State::kLost;
  blame_ = blame;
  problem_ = "the worker is replaced because " + why;
  child_->end(why);
}

}  // namespace atelier::scheduler
