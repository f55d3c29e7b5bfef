// A scheduler in memory for tests of `http`: jobs advance when the test calls for it.
// Thread-safe like the real one; listeners are called from the thread that moves the job.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "card/tasks/generate.h"
#include "platform/error.h"
#include "scheduler/scheduler.h"

namespace atelier::http {

class SchedulerDouble : public scheduler::Scheduler {
 public:
  SchedulerDouble() {
    domain::InstalledModel model;
    model.card.id = "starter";
    model.card.title = "Starter";
    model.card.capabilities = {"text_to_image", "image_to_image", "inpaint"};
    const auto& task = card::generate_task();
    model.card.tasks.push_back(
        {task.id, card::narrowed(task.parameters, {{.name = "steps", .default_value = "20"}})});
    model.path = "/secret/place";
    models_.push_back(model);
  }

  // What the tests set and see.
  bool queue_full = false;
  std::optional<Error> refuses;               // as for a value outside of its row
  std::string no_models_because;              // as at the station's start
  std::string found_by_refresh;               // a model that was added meanwhile
  std::chrono::milliseconds insert_takes{0};  // as a slow disk would
  bool looks_for_models = false;              // until let_go()
  bool decodes_pictures = false;              // until let_go()
  std::size_t further_picture_bytes = 0;
  scheduler::StationStatus now;
  scheduler::Explanation explanation;
  scheduler::Unloaded unloaded = scheduler::Unloaded::kNow;

  std::vector<scheduler::NewJob> submitted() {
    const std::lock_guard lock{mutex_};
    return submitted_;
  }

  void progress(const std::string& id, int step, int total) {
    change(id, "progress", [&](domain::Job& job) {
      job.state = domain::JobState::kRunning;
      job.progress = {{"denoise", step, total, 0, 0}, static_cast<double>(step) / total, ""};
    });
  }

  // Of a running job: the next piece of its text; with `offset` 0 the text starts again.
  void stream(const std::string& id, std::int64_t offset, const std::string& piece) {
    const std::lock_guard lock{mutex_};
    domain::Job& job = found(id);
    job.progress.text = job.progress.text.substr(0, static_cast<std::size_t>(offset)) + piece;
    domain::JobEvent event{.id = std::ssize(events_) + 1,
                           .type = std::string{domain::kTextEvent},
                           .time_ms = 5000,
                           .job = {},
                           .offset = offset,
                           .text = piece};
    event.job.id = id;
    event.job.state = job.state;
    emit(std::move(event));
  }

  void succeed(const std::string& id) {
    change(id, "result", [](domain::Job& job) {
      job.state = domain::JobState::kSucceeded;
      job.finished_ms = job.created_ms + 1500;
      job.result.emplace();
      job.result->outputs.push_back({"picture", "picture-1", "image/png", nullptr});
      card::GenerationUsed used;
      used.model = "starter";
      used.seed = 7;
      used.warnings = job.input.warnings;
      job.result->used = card::TaskFacts::of(card::generate_task(), used);
      job.result->timing["denoise_ms"] = 1200;
    });
  }

  void attach(const std::string& id, const std::string& role, const std::string& artifact) {
    change(id, "state", [&](domain::Job& job) { job.input.attachments[role] = artifact; });
  }

  void fail(const std::string& id, ErrorCode code, const std::string& sentence) {
    change(id, "error", [&](domain::Job& job) {
      job.state = domain::JobState::kFailed;
      job.failure = domain::JobFailure{code, sentence};
    });
  }

  // "" when none came in time.
  std::string wait_for_job(std::size_t number = 1) {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, std::chrono::seconds{10}, [&] { return order_.size() >= number; });
    return order_.size() >= number ? order_[number - 1] : std::string{};
  }

  bool wait_until_cancelled(const std::string& id) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, std::chrono::seconds{10},
                             [&] { return jobs_.at(id).state == domain::JobState::kCancelled; });
  }

  bool wait_for_listener(const std::string& id) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, std::chrono::seconds{10}, [&] {
      for (const auto* each : subscribers_) {
        if (each->id == id) return true;
      }
      return false;
    });
  }

  // False: a client still follows the job.
  bool wait_until_unheard(const std::string& id) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, std::chrono::seconds{10}, [&] {
      return std::ranges::none_of(subscribers_, [&](const auto* each) { return each->id == id; });
    });
  }

  // Resumes the calls that were held back.
  void let_go() {
    std::vector<std::function<void()>> held;
    {
      const std::lock_guard lock{mutex_};
      looks_for_models = decodes_pictures = false;
      held.swap(held_);
    }
    for (const auto& each : held) each();
  }

  bool wait_for_held(std::size_t number) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, std::chrono::seconds{10},
                             [&] { return held_.size() >= number; });
  }

  // Scheduler.
  void when_models_known(std::function<void()> then) override {
    now_or_later(looks_for_models, std::move(then));
  }

  void submit(scheduler::NewJob new_job, std::function<void(scheduler::Accepted)> done) override {
    if (new_job.attachments.empty()) return done(accept(new_job));
    now_or_later(decodes_pictures, [this, new_job, done] {
      if (refuses) return done(*refuses);
      done(accept(new_job));
    });
  }

  domain::Job accept(const scheduler::NewJob& new_job) {
    std::this_thread::sleep_for(insert_takes);
    if (const auto earlier = job_of_key(new_job.client, new_job.request)) return *earlier;
    const std::lock_guard lock{mutex_};
    if (refuses) throw Error(*refuses);
    if (queue_full) {
      throw Error(ErrorCode::kQueueFull, "Queue is full: 64 jobs wait already, try again later");
    }
    domain::Job job;
    job.id = "job-" + std::to_string(order_.size() + 1);
    job.created_ms = 1000;
    job.input = new_job.input;
    job.priority = new_job.priority;
    job.client = new_job.client;
    job.repeat_of = new_job.repeat_of;
    if (!new_job.request.key.empty()) {
      keys_[{new_job.client, new_job.request.key}] = {job.id, new_job.request.digest};
    }
    submitted_.push_back(new_job);
    jobs_[job.id] = job;
    order_.push_back(job.id);
    emit(job, "state");
    changed_.notify_all();
    return job;
  }

  std::optional<domain::Job> job_of_key(const std::string& client,
                                        const domain::RequestKey& request) override {
    const std::lock_guard lock{mutex_};
    const auto known = keys_.find({client, request.key});
    if (known == keys_.end()) return std::nullopt;
    if (known->second.digest != request.digest) {
      throw Error(ErrorCode::kConflict, "the key came with another request before");
    }
    return found(known->second.id);
  }

  void repeat(const scheduler::Repeat& repeat,
              std::function<void(scheduler::Accepted)> done) override {
    const auto ended = job(repeat.id);
    if (!domain::is_terminal(ended.state)) {
      throw Error(ErrorCode::kConflict, "job " + ended.id + " has not ended");
    }
    scheduler::NewJob again{.input = ended.input,
                            .priority = ended.priority,
                            .client = repeat.client,
                            .attachments = {},
                            .names = {},
                            .request = repeat.request,
                            .repeat_of = ended.id};
    for (const auto& [role, artifact] : ended.input.attachments) {
      again.attachments[role] = platform::read_all(*open_artifact(artifact).bytes);
    }
    if (repeat.seed == scheduler::RepeatSeed::kNew) {
      again.input.parameters = again.input.parameters.with(card::kSeedMember, nullptr);
    }
    submit(again, std::move(done));
  }

  void repeat_ended(domain::JobState state, const domain::QueueFilter&, const std::string& client,
                    std::function<void(scheduler::Repeated)> done) override {
    std::vector<std::string> ids;
    {
      const std::lock_guard lock{mutex_};
      for (const auto& id : order_) {
        if (jobs_.at(id).state == state) ids.push_back(id);
      }
    }
    scheduler::Repeated repeated;
    for (const auto& id : ids) {
      repeat({.id = id, .client = client}, [&](scheduler::Accepted one) {
        repeated.jobs.push_back(std::get<domain::Job>(std::move(one)));
      });
    }
    done(std::move(repeated));
  }

  domain::Job job(const std::string& id) override {
    const std::lock_guard lock{mutex_};
    return found(id);
  }

  std::vector<domain::Job> recent_jobs(const domain::JobFilter& filter) override {
    const std::lock_guard lock{mutex_};
    std::vector<domain::Job> recent;
    auto id = order_.rbegin();
    if (!filter.before.empty()) {
      id = std::find(id, order_.rend(), filter.before);
      if (id != order_.rend()) ++id;
    }
    for (; id != order_.rend() && std::ssize(recent) < filter.limit; ++id) {
      const domain::Job& job = jobs_.at(*id);
      if (!filter.task.empty() && job.input.task() != filter.task) continue;
      if (!filter.client.empty() && job.client != filter.client) continue;
      if (domain::has_state_of(filter, job)) recent.push_back(job);
    }
    return recent;
  }

  domain::Job cancel(const std::string& id) override {
    change(id, "state", [](domain::Job& job) {
      if (!domain::is_terminal(job.state)) job.state = domain::JobState::kCancelled;
    });
    return job(id);
  }

  // Its jobs advance when the test calls for it, whatever is paused.
  scheduler::QueueStatus queue() override {
    const std::lock_guard lock{mutex_};
    return {.priorities = {{3, 0, 64, paused_[3]},
                           {2, 0, 64, paused_[2]},
                           {1, 0, 64, paused_[1]},
                           {0, 0, 64, paused_[0]}},
            .running = 0};
  }
  domain::QueuePage queue_page(const std::optional<domain::QueuePlace>&, int) override {
    return {.jobs = {}, .position = 1, .is_last = true};
  }
  void set_paused(int priority, bool paused) override {
    const std::lock_guard lock{mutex_};
    paused_.at(static_cast<std::size_t>(priority)) = paused;
  }
  int cancel_queued(const domain::QueueFilter&) override {
    std::vector<std::string> waiting;
    {
      const std::lock_guard lock{mutex_};
      for (const auto& [id, job] : jobs_) {
        if (job.state == domain::JobState::kQueued) waiting.push_back(id);
      }
    }
    for (const auto& id : waiting) cancel(id);
    return static_cast<int>(waiting.size());
  }
  domain::Job set_priority(const std::string& id, int priority) override {
    change(id, "state", [&](domain::Job& job) { job.priority = priority; });
    return job(id);
  }
  domain::Job move_to_front(const std::string& id) override { return job(id); }

  std::unique_ptr<scheduler::Subscription> subscribe(const std::string& id, std::int64_t after,
                                                     scheduler::EventListener listener) override {
    const std::lock_guard lock{mutex_};
    found(id);
    auto subscriber = std::make_unique<Subscriber>(*this, id, std::move(listener));
    for (const auto& event : events_) {
      const bool is_end = domain::is_terminal(event->job.state);
      if (event->job.id == id && (event->id > after || is_end)) subscriber->listener(event);
    }
    subscribers_.insert(subscriber.get());
    changed_.notify_all();
    return subscriber;
  }

  std::int64_t end_event(const std::string& id) override {
    const std::lock_guard lock{mutex_};
    found(id);
    for (const auto& event : events_) {
      if (event->job.id == id && domain::is_terminal(event->job.state)) return event->id;
    }
    return 0;
  }

  scheduler::StationStatus status() override {
    const std::lock_guard lock{mutex_};
    return now;
  }
  scheduler::DeviceMemory device_memory() override {
    const std::lock_guard lock{mutex_};
    return now;
  }
  scheduler::ModelList models() override {
    if (!no_models_because.empty()) return {.reason = no_models_because};
    return {std::make_shared<const std::vector<domain::InstalledModel>>(models_), ""};
  }
  void refresh_models(std::chrono::milliseconds,
                      std::function<void(scheduler::ModelList)> done) override {
    now_or_later(looks_for_models, [this, done] {
      if (!found_by_refresh.empty()) {
        models_.push_back(models_.front());
        models_.back().card.id = found_by_refresh;
      }
      done(models());
    });
  }
  domain::ResolvedModel resolve_model(const std::string& name, const std::string&,
                                      domain::UnknownModel unknown) override {
    if (name.empty() || name == "starter") return {models_.front(), ""};
    if (name == "sdxl-realism") {
      return {models_.front(), "sdxl-realism is not installed: the starter model answered"};
    }
    if (unknown == domain::UnknownModel::kDefault && name == "flux-dev") {
      return {models_.front(), "flux-dev is not installed: the starter model answered"};
    }
    throw Error(ErrorCode::kNotFound, "there is no model '" + name + "': installed are starter");
  }
  void explain(std::function<void(scheduler::Explanation)> done) override { done(explanation); }
  void unload_models(std::chrono::milliseconds,
                     std::function<void(scheduler::Unloaded)> done) override {
    done(unloaded);
  }
  scheduler::OpenPicture open_artifact(const std::string& id) override {
    if (id != "picture-1" && id != "preview-1") {
      throw Error(ErrorCode::kNotFound, "there is no artifact " + id);
    }
    return {platform::bytes_in_memory("\x89PNG" + std::string(further_picture_bytes, 'x')),
            "image/png"};
  }

 private:
  struct Subscriber : scheduler::Subscription {
    Subscriber(SchedulerDouble& owner_in, std::string id_in, scheduler::EventListener listener_in)
        : owner(owner_in), id(std::move(id_in)), listener(std::move(listener_in)) {}
    ~Subscriber() override {
      const std::lock_guard lock{owner.mutex_};
      owner.subscribers_.erase(this);
      owner.changed_.notify_all();
    }
    SchedulerDouble& owner;
    std::string id;
    scheduler::EventListener listener;
  };

  void now_or_later(const bool& later, std::function<void()> then) {
    {
      const std::lock_guard lock{mutex_};
      if (later) {
        held_.push_back(std::move(then));
        changed_.notify_all();
        return;
      }
    }
    then();
  }

  domain::Job& found(const std::string& id) {
    const auto place = jobs_.find(id);
    if (place == jobs_.end()) throw Error(ErrorCode::kNotFound, "there is no job " + id);
    return place->second;
  }

  template <class Change>
  void change(const std::string& id, const std::string& type, Change apply) {
    const std::lock_guard lock{mutex_};
    domain::Job& job = found(id);
    apply(job);
    emit(job, type);
    changed_.notify_all();
  }

  void emit(const domain::Job& job, const std::string& type) {
    const bool is_end = domain::is_terminal(job.state);
    domain::JobEvent event{std::ssize(events_) + 1, is_end ? std::string{domain::kEndEvent} : type,
                           0, job};
    event.job.progress.text.clear();
    emit(std::move(event));
  }

  void emit(domain::JobEvent event) {
    events_.push_back(std::make_shared<const domain::JobEvent>(std::move(event)));
    for (auto* each : subscribers_) {
      if (each->id == events_.back()->job.id) each->listener(events_.back());
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, domain::Job> jobs_;
  std::vector<std::string> order_;
  std::map<std::pair<std::string, std::string>, domain::KeyedJob> keys_;  // by client and key
  std::vector<scheduler::NewJob> submitted_;
  std::vector<scheduler::SharedEvent> events_;
  std::vector<std::function<void()>> held_;
  std::set<Subscriber*> subscribers_;
  std::vector<domain::InstalledModel> models_;
  std::array<bool, domain::kPriorities> paused_{};
};

}  // namespace atelier::http
