// LocalScheduler: the place of a job that comes, requests that are sent again with their key, and
// ended jobs that are run again.
#include <algorithm>
#include <memory>
#include <utility>

#include "card/task.h"
#include "domain/settings/limits.h"
#include "platform/byte_source.h"
#include "platform/error.h"
#include "scheduler/local_scheduler.h"

namespace atelier::scheduler {

using domain::Job;

LocalScheduler::Place::Place(LocalScheduler& owner, int priority)
    : owner_(owner), priority_(priority) {
  const int queue_max = owner.options_.queue_max.at(static_cast<std::size_t>(priority));
  if (owner.store_.hold_place(priority, queue_max)) return;
  throw Error(ErrorCode::kQueueFull, "Queue is full: " + std::to_string(queue_max) +
                                         " jobs of this priority wait already; try again later");
}

LocalScheduler::Place::~Place() {
  if (held_) owner_.store_.leave_place(priority_);
}

std::int64_t LocalScheduler::keys_since_ms() const {
  return options_.now_ms() -
         std::chrono::duration_cast<std::chrono::milliseconds>(domain::limits::kRequestKeyKept)
             .count();
}

Job LocalScheduler::earlier_job(const domain::KeyedJob& known, const domain::RequestKey& request) {
  if (known.digest == request.digest) return job(known.id);
  throw Error(ErrorCode::kConflict, "the idempotency key '" + request.key +
                                        "' came with another request before, which became job " +
                                        known.id + ": send a new key with a new request");
}

Accepted LocalScheduler::accepted_before(const domain::KeyedJob& known,
                                         const domain::RequestKey& request) {
  try {
    return earlier_job(known, request);
  } catch (const Error& error) {
    return error;
  }
}

std::optional<Job> LocalScheduler::job_of_key(const std::string& client,
                                              const domain::RequestKey& request) {
  const auto known = store_.find_key(client, request.key, keys_since_ms());
  if (!known) return std::nullopt;
  return earlier_job(*known, request);
}

NewJob LocalScheduler::request_of(const Repeat& repeat) {
  // The board may show the state before a cancellation for a moment.
  const auto stored = store_.find(repeat.id);
  const auto ended = stored && domain::is_terminal(stored->state) ? *stored : job(repeat.id);
  if (!domain::is_terminal(ended.state)) {
    throw Error(ErrorCode::kConflict, "job " + ended.id + " is still " +
                                          std::string{domain::job_state_name(ended.state)} +
                                          ": wait for its end, or cancel it first");
  }
  NewJob request;
  request.input.parameters = ended.input.parameters;
  request.input.memory_mode = ended.input.memory_mode;
  request.priority = ended.priority;
  request.client = repeat.client;
  request.request = repeat.request;
  request.repeat_of = ended.id;
  auto& parameters = request.input.parameters;
  // What cannot be read any more is refused by submit().
  if (repeat.seed == RepeatSeed::kNew && parameters.task() != nullptr) {
    if (!parameters.has(card::kSeedMember)) {
      throw Error(ErrorCode::kInvalidArgument, "/seed",
                  "the task '" + ended.input.task() + "' has no seed: send \"same\"");
    }
    parameters = parameters.with(card::kSeedMember, nullptr);
  }
  for (const auto& [role, artifact] : ended.input.attachments) {
    if (artifact.empty()) continue;
    request.attachments[role] = platform::read_all(*open_artifact(artifact).bytes);
  }
  return request;
}

void LocalScheduler::repeat(const Repeat& repeat, std::function<void(Accepted)> done) {
  submit(request_of(repeat), std::move(done));
}

// One after the other, so that the attachments of one job are in memory at a time.
class LocalScheduler::RepeatMany : public std::enable_shared_from_this<RepeatMany> {
 public:
  RepeatMany(LocalScheduler& owner, std::vector<std::string> ids, std::string client,
             std::function<void(Repeated)> done)
      : owner_(owner), ids_(std::move(ids)), client_(std::move(client)), done_(std::move(done)) {}

  void next() {
    if (at_ == ids_.size()) return done_(std::move(repeated_));
    const auto& id = ids_[at_++];
    try {
      owner_.repeat({.id = id, .client = client_}, [self = shared_from_this(), id](Accepted one) {
        if (auto* job = std::get_if<Job>(&one)) {
          self->repeated_.jobs.push_back(std::move(*job));
          return self->go_on();
        }
        self->refused(id, std::get<Error>(one));
      });
    } catch (const Error& error) {
      refused(id, error);
    }
  }

 private:
  void refused(const std::string& id, const Error& error) {
    repeated_.refused.push_back({id, error});
    if (error.code() == ErrorCode::kQueueFull) at_ = ids_.size();
    go_on();
  }
  // On a thread that may read attachments: the store's must not wait.
  void go_on() {
    owner_.pool_.post([self = shared_from_this()](Decoder&) { self->next(); },
                      [self = shared_from_this()](const Error&) {  // the station stops
                        self->done_(std::move(self->repeated_));
                      });
  }

  LocalScheduler& owner_;
  const std::vector<std::string> ids_;
  const std::string client_;
  const std::function<void(Repeated)> done_;
  std::size_t at_ = 0;
  Repeated repeated_;
};

void LocalScheduler::repeat_ended(domain::JobState state, const domain::QueueFilter& filter,
                                  const std::string& client, std::function<void(Repeated)> done) {
  if (filter.priority) check_priority(*filter.priority);
  auto ids = store_.not_repeated(state, filter, domain::limits::kRepeatsMax);
  std::make_shared<RepeatMany>(*this, std::move(ids), client, std::move(done))->next();
}

}  // namespace atelier::scheduler
