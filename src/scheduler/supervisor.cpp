#include "scheduler/supervisor.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "domain/settings/limits.h"
#include "platform/error.h"
#include "platform/log.h"
#include "platform/process_activity.h"

namespace atelier::scheduler {
namespace {

constexpr auto kNotStarted = "the worker program could not be started: see the log";

// The station ticks five times a second. The rest of a longer time between two ticks is not
// counted: the station itself was stopped (SIGSTOP), or the machine has no processor for it, and
// then it may have none for the worker either.
constexpr std::chrono::seconds kCountedPerTick{1};

using protocol::Message;

std::string in_seconds(std::chrono::milliseconds time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s";
}

// "" of a process of which nothing is known but that it lives.
std::string what_it_does(const platform::ProcessActivity& activity) {
  if (activity.state == 'T') return ": its process was stopped by a signal (SIGSTOP)";
  if (activity.state == 't') return ": its process was stopped by a debugger";
  if (activity.state == 'D') return ": its process waits for a disk or a device";
  return "";
}

bool is_beat(const Message& message) {
  return message.kind == Message::Kind::kNotification &&
         message.method == protocol::BeatNotification::kMethod;
}

// The reader's thread: posts each whole message but beats to the inbox, and the worker's end as the
// last.
void read_all(Child& child, const std::function<void(Message)>& received,
              const std::function<void(const std::string&)>& ended) {
  try {
    while (auto frame = child.channel().receive()) {
      auto message = protocol::read_message(std::move(*frame));
      // A beat has no content: that it came is in Channel::bytes_received().
      if (!is_beat(message)) received(std::move(message));
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
  const std::chrono::nanoseconds since_last_tick = now - last_tick_.value_or(now);
  last_tick_ = now;
  if (!child_ && now >= restart_at_) {
    start(now);
  } else if (child_) {
    check_on_it(since_last_tick);
  }
}

void Supervisor::check_on_it(std::chrono::nanoseconds since_last_tick) {
  const auto counted = std::min<std::chrono::nanoseconds>(since_last_tick, kCountedPerTick);
  if (state_ == State::kReady) return check_silence(counted);
  if (state_ != State::kStarting) return;
  silent_ += counted;
  if (silent_ < patience_.greeting) return;
  kill("it did not get ready within " + in_seconds(patience_.greeting) +
           what_it_does(platform::process_activity(child_->pid())),
       Blame::kWorker);
}

void Supervisor::check_silence(std::chrono::nanoseconds counted) {
  // What the reader's thread has not read yet counts: that thread may be without a processor.
  const auto heard = child_->channel().bytes_received();
  if (std::exchange(heard_, heard) != heard || child_->channel().has_unread()) {
    silent_ = {};
    return;
  }
  if (silent_ == std::chrono::nanoseconds::zero()) {
    page_faults_ = platform::process_activity(child_->pid()).page_faults;
  }
  silent_ += counted;
  if (silent_ < patience_.silence) return;
  const auto activity = platform::process_activity(child_->pid());
  const bool swaps = activity.state == 'D' || activity.page_faults != page_faults_;
  if (swaps && !activity.stopped() && silent_ < patience_.swapping) return;
  kill("it sent nothing for " + in_seconds(std::chrono::floor<std::chrono::seconds>(silent_)) +
           what_it_does(activity),
       Blame::kWorker);
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
  silent_ = {};
  heard_ = 0;
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
      delay_ = {};  // what ends it now may be the job, which is tried twice at most
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
  silent_ = {};
  events_.ready(hello);
}

// Its requests are answered in order.
std::int64_t Supervisor::under_way() const {
  return pending_.empty() ? 0 : pending_.begin()->first;
}

void Supervisor::ended(std::uint64_t life, const std::string& end) {
  if (life != life_ || !child_) return;
  const WorkerEnd event{end, blame_ == Blame::kWorker, under_way()};
  drop_child();
  pending_.clear();
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
