#include "scheduler/worker_session.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "platform/system.h"
#include "scheduler/plan_clock.h"

namespace atelier::scheduler {
namespace {

// Most files have 16-bit weights, which this format doubles.
constexpr std::string_view kWidestDtype = "fp32";
constexpr double kWidestPart = 2;

std::string_view name_of(Supervisor::State state, bool busy, bool started) {
  switch (state) {
    case Supervisor::State::kStarting:
      return kWorkerStarting;
    case Supervisor::State::kReady:
      return busy ? "busy" : "idle";
    case Supervisor::State::kLost:
      return started ? "lost" : kWorkerStarting;
    case Supervisor::State::kMissing:
      return "missing";
  }
  return "lost";
}

}  // namespace

WorkerSession::WorkerSession(WorkerOptions options, Inbox& inbox, WorkerEvents events,
                             const Patience& patience)
    : options_(std::move(options)),
      events_(std::move(events)),
      supervisor_(options_.launch, inbox,
                  {.ready = [this](const protocol::HelloReply& hello) { on_ready(hello); },
                   .lost = [this](const WorkerEnd& end) { on_lost(end); },
                   .progressed =
                       [this](const protocol::ProgressNotification& progress) {
                         events_.progressed(*this, progress);
                       },
                   .previewed =
                       [this](const protocol::PreviewNotification& preview, media::Image picture) {
                         events_.previewed(*this, preview, std::move(picture));
                       },
                   .suspended =
                       [this](const protocol::SuspendedNotification& suspended) {
                         events_.suspended(*this, suspended);
                       },
                   .text =
                       [this](protocol::TextNotification text) {
                         return events_.text(*this, std::move(text));
                       }},
                  patience),
      unloading_(supervisor_, [this](std::function<void()> then) { measure(std::move(then)); }) {
  shown_.name = options_.name;
  shown_.engine = options_.engine;
  shown_.state = kWorkerStarting;
}

bool WorkerSession::runs(const std::string& task) const {
  return std::ranges::find(tasks_, task) != tasks_.end();
}

int WorkerSession::free_places() const {
  return ready() ? std::max(0, running_max_ - static_cast<int>(jobs_.size())) : 0;
}

void WorkerSession::started(int priority) {
  for (auto& starts : starts_since_) ++starts;
  starts_since_.at(static_cast<std::size_t>(priority)) = 0;
}

std::set<std::string> WorkerSession::take_jobs() { return std::exchange(jobs_, {}); }

void WorkerSession::tick(Clock::time_point now) {
  supervisor_.tick(now);
  unloading_.tick(now);
}

void WorkerSession::unload(Clock::time_point until, Unloading::Done done) {
  unloading_.request(until, !jobs_.empty(), std::move(done));
}

void WorkerSession::measure(std::function<void()> then) {
  supervisor_.request(protocol::MemoryRequest{}, {},
                      [this, then = std::move(then)](const protocol::Message& message) {
                        return read_memory(message, then);
                      });
}

Supervisor::Deed WorkerSession::read_memory(const protocol::Message& message,
                                            std::function<void()> then) {
  auto memory = memory_;
  if (message.kind != protocol::Message::Kind::kFailure) {
    memory = message.body_as<protocol::MemoryReply>();
  }
  return [this, then = std::move(then), memory = std::move(memory)] {
    memory_ = memory;
    residents_.report(memory_.models, plan_ms());
    events_.measured();
    then();
  };
}

void WorkerSession::evict(const std::string& model, std::function<void()> then) {
  residents_.evicting(model, plan_ms());
  supervisor_.request(protocol::EvictRequest{model}, {},
                      [this, then = std::move(then)](const protocol::Message& message) {
                        return read_memory(message, then);
                      });
}

void WorkerSession::on_ready(const protocol::HelloReply& hello) {
  started_ = true;
  unusable_.clear();
  tasks_ = hello.tasks;
  if (hello.engine) {
    running_max_ = std::max(1, hello.engine->running_max);
    shown_.engine = hello.engine->name;
    shown_.device = hello.engine->device_name;
    shown_.libtorch = hello.engine->libtorch;
    device_ = options_.device.empty() ? hello.engine->device : options_.device;
    const auto& dtype = hello.engine->compute_dtype;
    cost_engine_ = {.name = hello.engine->name + " " + dtype,
                    .weights_part = dtype == kWidestDtype ? kWidestPart : 1};
  }
  measure();
  events_.ready(*this, hello);
}

void WorkerSession::on_lost(const WorkerEnd& end) {
  started_ = true;
  if (supervisor_.state() == Supervisor::State::kMissing) unusable_ = supervisor_.problem();
  memory_ = {};
  residents_.clear();
  events_.lost(*this, end);
  unloading_.worker_lost();
}

const WorkerStatus& WorkerSession::take_status(const domain::Catalog* catalog,
                                               std::int64_t now_ms) {
  const bool busy = !jobs_.empty();
  if (std::exchange(was_busy_, busy) && !busy && ready()) measure();
  shown_.state = name_of(supervisor_.state(), busy, started_);
  shown_.problem = supervisor_.problem();
  shown_.pid = supervisor_.pid();
  shown_.restarts = supervisor_.restarts();
  shown_.job = busy ? *jobs_.begin() : "";
  shown_.loaded_models =
      catalog == nullptr ? std::vector<LoadedModel>{} : loaded_models(*catalog, now_ms);
  shown_.resident_bytes = shown_.pid > 0 ? platform::resident_bytes(shown_.pid) : 0;
  return shown_;
}

// A model whose file was removed is not listed.
std::vector<LoadedModel> WorkerSession::loaded_models(const domain::Catalog& catalog,
                                                      std::int64_t now_ms) {
  std::vector<LoadedModel> loaded;
  std::map<std::string, std::int64_t> seen;
  for (const auto& [id, bytes] : memory_.models) {
    const auto& models = catalog.models();
    const auto model = std::ranges::find(models, id, [](const auto& each) { return each.card.id; });
    if (model == models.end()) continue;
    const auto before = seen_models_.find(id);
    seen[id] = before == seen_models_.end() ? now_ms : before->second;
    const auto& card = model->card;
    loaded.push_back({id, card.title.empty() ? id : card.title, bytes, seen[id]});
  }
  seen_models_ = std::move(seen);
  return loaded;
}

}  // namespace atelier::scheduler
