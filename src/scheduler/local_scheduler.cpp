#include "scheduler/local_scheduler.h"

#include <algorithm>
#include <exception>
#include <future>
#include <iterator>
#include <random>
#include <utility>

#include "card/all_tasks.h"
#include "card/composite.h"
#include "card/named_choices.h"
#include "domain/jobs/attachment_rules.h"
#include "domain/jobs/input_rules.h"
#include "domain/jobs/steps.h"
#include "domain/settings/limits.h"
#include "platform/check.h"
#include "platform/error.h"
#include "platform/gpu_reader.h"
#include "platform/ids.h"
#include "platform/log.h"
#include "platform/system.h"
#include "platform/utf8.h"
#include "scheduler/job_media.h"
#include "scheduler/plan_text.h"

namespace atelier::scheduler {
namespace {

using domain::Job;
using domain::JobState;
using Clock = std::chrono::steady_clock;
namespace limits = domain::limits;

constexpr std::chrono::milliseconds kTick{200};
constexpr std::chrono::milliseconds kStatusEvery{50};  // making it reads files of the system
constexpr std::chrono::minutes kProblemRepeat{1};      // of the same sentence in the log
constexpr std::chrono::seconds kMeasureEvery{
    1};  // the load of a shorter interval is not meaningful

// 32 bits, as in other programs, so that seeds are short.
std::uint64_t draw_seed() { return std::random_device{}(); }

class BoardSubscription final : public Subscription {
 public:
  explicit BoardSubscription(std::shared_ptr<Subscriber> subscriber)
      : subscriber_(std::move(subscriber)) {}
  ~BoardSubscription() override { subscriber_->end(); }

 private:
  std::shared_ptr<Subscriber> subscriber_;
};

// A repeated job makes the same output.
card::TaskInput with_seed(const card::TaskInput& input) {
  const auto* seed = input.members().if_contains(card::kSeedMember);
  if (seed == nullptr || !seed->is_null()) return input;
  return input.with(card::kSeedMember, draw_seed());
}

}  // namespace

LocalScheduler::LocalScheduler(LocalSchedulerOptions options, domain::JobStore& store,
                               domain::ArtifactStore& artifacts)
    : options_(std::move(options)),
      store_(store),
      artifacts_(artifacts),
      events_end_(store.reserve_events(limits::kEventsReserved) + limits::kEventsReserved),
      board_(events_end_ - limits::kEventsReserved),
      pool_(options_.launch_decoder, limits::kDecoders, options_.patience),
      workers_(make_workers()),
      scan_(
          options_.folders, [this] { return idle_worker(); }, pool_, inbox_,
          [this](std::vector<domain::InstalledModel> models) {
            const std::lock_guard lock(mutex_);
            catalog_ =
                std::make_shared<const domain::Catalog>(std::move(models), options_.default_model);
          }),
      runner_({.store = store_,
               .artifacts = artifacts_,
               .pool = pool_,
               .workers = workers_,
               .inbox = inbox_,
               .board = board_,
               .previews = previews_,
               .now_ms = options_.now_ms,
               .models_known = [this] { return !draining_ && models_known(); },
               .find_model = [this](const std::string& id) { return find_model(id); },
               .catalog =
                   [this] {
                     const std::lock_guard lock(mutex_);
                     return catalog_;
                   },
               .node = options_.node,
               .memory = options_.memory,
               .patience = options_.patience}) {
  for (const auto& worker : workers_) {
    status_.workers.push_back(worker->take_status(nullptr, options_.now_ms()));
  }
  status_.queue_max = options_.queue_max[domain::kPriorityInteractive];
  status_.processors = platform::usable_processors();
  status_.memory_total_mb = platform::machine_memory().total_bytes >> 20;
  runner_.recover();
  note_paused();
  thread_ = std::thread([this] { run(); });
}

LocalScheduler::~LocalScheduler() {
  inbox_.close();
  thread_.join();
  stop_waiting();
  pool_.stop();
  insertions_.wait();
}

void LocalScheduler::run() {
  auto next_tick = Supervisor::Clock::now();
  std::string said;  // a problem that recurs at each tick is not logged at each tick
  auto say_again = next_tick;
  while (!inbox_.closed()) {
    try {
      if (Supervisor::Clock::now() >= next_tick) {
        next_tick = Supervisor::Clock::now() + kTick;
        tick();
      }
      const auto message = inbox_.take(status_is_old_ ? kStatusEvery : kTick);
      if (message) (*message)();
      keep_status(message.has_value());
    } catch (const std::exception& error) {
      // A lost worker or a full disk while a message is handled: the state is consistent, and the
      // next tick continues.
      const std::string sentence = error.what();
      const auto now = Supervisor::Clock::now();
      if (sentence != said || now >= say_again) {
        platform::log_error("scheduler: " + sentence);
        say_again = now + kProblemRepeat;
      }
      said = sentence;
    }
  }
  try {
    runner_.stop();
  } catch (const std::exception& error) {
    // The next start then counts it as a crash, of which a job may have two.
    platform::log_error(std::string("scheduler: at the stop: ") + error.what());
  }
}

void LocalScheduler::tick() {
  const auto now = Supervisor::Clock::now();
  tick_workers(now);
  runner_.tick(now);
  scan_.tick(now);
  runner_.run_next();
  take_status();
  reserve_events();
}

std::vector<std::unique_ptr<WorkerSession>> LocalScheduler::make_workers() {
  CHECK(!options_.workers.empty());
  const WorkerEvents events{
      .ready = [this](auto& worker, const auto& hello) { worker_ready(worker, hello); },
      .lost = [this](auto& worker, const auto& end) { worker_lost(worker, end); },
      .progressed = [this](auto& worker,
                           const auto& progress) { runner_.progressed(worker, progress); },
      .previewed =
          [this](auto& worker, const auto& preview, media::Image picture) {
            runner_.previewed(worker, preview, std::move(picture));
          },
      .suspended = [this](auto& worker,
                          const auto& suspended) { runner_.suspended(worker, suspended); },
      .text =
          [this](auto& worker, protocol::TextNotification text) {
            return runner_.read_text(worker, std::move(text));
          },
      .measured = [this] { take_status(); }};
  std::vector<std::unique_ptr<WorkerSession>> workers;
  for (const auto& worker : options_.workers) {
    workers.push_back(std::make_unique<WorkerSession>(worker, inbox_, events, options_.patience));
  }
  return workers;
}

// The first start of a worker waits a while for that of the one before it: both would compute at
// the same time, and the first list of models would come later.
void LocalScheduler::tick_workers(WorkerSession::Clock::time_point now) {
  bool one_is_starting = false;
  auto turn = started_;
  for (const auto& worker : workers_) {
    const bool waits = one_is_starting && now < turn;
    turn += options_.patience.start_turn;
    if (waits && !worker->has_started()) continue;
    worker->tick(now);
    one_is_starting = one_is_starting || !worker->has_started();
  }
}

void LocalScheduler::worker_ready(const WorkerSession& worker, const protocol::HelloReply& hello) {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& task : hello.tasks) {
      if (std::ranges::find(status_.tasks, task) == status_.tasks.end()) {
        status_.tasks.push_back(task);
      }
    }
    // A light worker may use another engine than the main one, which most jobs are for.
    const bool is_main = worker.worker_class() == WorkerClass::kMain;
    if (is_main && hello.engine) status_.dtypes = hello.engine->dtypes;
    status_.samplers = hello.samplers;
    status_.schedules = hello.schedules;
    worker_problem_.clear();
  }
  scan_.worker_ready(hello);
  runner_.run_next();
}

void LocalScheduler::worker_lost(WorkerSession& worker, const WorkerEnd& end) {
  scan_.worker_lost(worker, end);
  runner_.worker_lost(worker, end);
}

// For requests that are not part of a job: they are processed in order, so that a worker without
// jobs answers at once. Null: none is ready; else one without jobs where there is one, and a light
// one before the others.
WorkerSession* LocalScheduler::idle_worker() {
  WorkerSession* best = nullptr;
  const auto cost = [](const WorkerSession& worker) {
    return std::pair(!worker.jobs().empty(), worker.worker_class() == WorkerClass::kMain);
  };
  for (const auto& worker : workers_) {
    if (!worker->ready()) continue;
    if (best == nullptr || cost(*worker) < cost(*best)) best = worker.get();
  }
  return best;
}

// Of the last second, so that successive calls see it change.
void LocalScheduler::measure_machine() {
  const auto now = std::chrono::steady_clock::now();
  if (now < measure_next_) return;
  measure_next_ = now + kMeasureEvery;
  const auto before = std::exchange(measured_, platform::processor_times());
  const auto memory = platform::machine_memory();
  const std::lock_guard lock(mutex_);
  if (measured_.all > before.all && before.all > 0) {
    status_.cpu_percent = 100.0 * static_cast<double>(measured_.busy - before.busy) /
                          static_cast<double>(measured_.all - before.all);
  }
  status_.ram_bytes_total = memory.total_bytes;
  status_.ram_bytes_used = memory.total_bytes - memory.available_bytes;
  take_gpus();
}

void LocalScheduler::take_gpus() {
  if (!options_.read_gpus) return;
  auto reading = options_.read_gpus();
  status_.gpu_problem = reading.access == platform::GpuAccess::kReady
                            ? platform::stale(reading, std::chrono::steady_clock::now())
                            : reading.problem;
  status_.gpus.clear();
  for (auto& gpu : reading.gpus) {
    const auto owner = std::ranges::find_if(options_.workers, [&](const WorkerOptions& worker) {
      return worker.worker_class == WorkerClass::kMain && !gpu.device.empty() &&
             worker.device == gpu.device;
    });
    status_.gpus.push_back({std::move(gpu), owner == options_.workers.end() ? "" : owner->name});
  }
}

// Of all GPUs that workers compute on and whose memory is reported; none: nothing in all.
platform::GpuMemory LocalScheduler::gpu_memory() const {
  platform::GpuMemory sum;
  for (const auto& gpu : status_.gpus) {
    if (gpu.worker.empty() || !gpu.state.memory) continue;
    sum.bytes_total += gpu.state.memory->bytes_total;
    sum.bytes_free += gpu.state.memory->bytes_free;
    sum.bytes_used += gpu.state.memory->bytes_used;
  }
  return sum;
}

// After messages the status is made again in a moment, for all of them; at once where a worker has
// another state, or where a caller may wait for what the message has changed.
void LocalScheduler::keep_status(bool changed) {
  status_is_old_ = status_is_old_ || changed;
  if (!status_is_old_) return;
  std::vector<std::pair<Supervisor::State, bool>> states;
  for (const auto& worker : workers_) {
    states.emplace_back(worker->supervisor().state(), worker->jobs().empty());
  }
  const bool is_awaited = std::exchange(worker_states_, states) != states || someone_waits();
  if (is_awaited || Clock::now() >= status_next_) take_status();
}

bool LocalScheduler::someone_waits() {
  const std::lock_guard lock(mutex_);
  return !waiting_.empty();
}

// Builds what status() returns, so that status() never waits.
void LocalScheduler::take_status() {
  status_is_old_ = false;
  status_next_ = Clock::now() + kStatusEvery;
  measure_machine();
  const auto known = [this] {
    const std::lock_guard lock(mutex_);
    return catalog_;
  }();
  std::vector<WorkerStatus> shown;
  std::int64_t total = platform::machine_memory().total_bytes, used = 0;
  protocol::MemoryReply device;
  for (const auto& worker : workers_) {
    shown.push_back(worker->take_status(known.get(), options_.now_ms()));
    used += shown.back().resident_bytes;
    const auto& memory = worker->memory();
    if (shown.back().engine.starts_with("cuda") && memory.device_bytes_total > 0) device = memory;
  }
  if (device.device_bytes_total > 0) {
    total = device.device_bytes_total;
    used = total - device.device_bytes_free;
  }
  int queued = 0;
  for (const int jobs : store_.counts().queued) queued += jobs;

  {
    const std::lock_guard lock(mutex_);
    status_.workers = std::move(shown);
    for (const auto& gpu : status_.gpus) {  // as the driver calls it, instead of "cuda:0"
      const auto owner = std::ranges::find(status_.workers, gpu.worker, &WorkerStatus::name);
      if (owner == status_.workers.end() || gpu.state.name.empty()) continue;
      owner->device = gpu.state.name;
    }
    status_.running = runner_.running();
    runner_problem_ = runner_.problem();
    status_.jobs_ended = runner_.ended();
    status_.default_models = catalog_ ? catalog_->defaults() : std::map<std::string, std::string>{};
    status_.default_model = status_.default_models[card::all_tasks().front()->id];
    status_.queued = queued;
    if (const auto gpus = gpu_memory(); gpus.bytes_total > 0) {
      total = gpus.bytes_total;
      used = gpus.bytes_used;
    }
    status_.memory_total_mb = total >> 20;
    status_.memory_used_mb = used >> 20;
    worker_problem_ = why_no_worker();
  }
  wake_waiting();
}

// Empty: one can work, or may become able to.
std::string LocalScheduler::why_no_worker() const {
  const bool none =
      std::ranges::none_of(workers_, [](const auto& each) { return each->unusable().empty(); });
  return none ? workers_.front()->unusable() : "";
}

void LocalScheduler::add_notice(const std::string& sentence) {
  const std::lock_guard lock(mutex_);
  status_.notices.push_back(sentence);
}

void LocalScheduler::when_models_known(std::function<void()> then) {
  {
    const std::lock_guard lock(mutex_);
    Waiting waiting{.until = Clock::now() + limits::kModelsPatience};
    if (!is_over(waiting)) {
      waiting.then = std::move(then);
      waiting_.push_back(std::move(waiting));
      return;
    }
  }
  then();
}

bool LocalScheduler::is_over(const Waiting& waiting) const {
  const bool known =
      waiting.refresh == 0 ? catalog_ != nullptr : refreshes_done_ >= waiting.refresh;
  return stopping_ || known || !worker_problem_.empty() || Clock::now() >= waiting.until;
}

// Outside the lock, because the callbacks call back.
void LocalScheduler::wake_waiting() {
  std::vector<Waiting> over;
  {
    const std::lock_guard lock(mutex_);
    const auto rest = std::ranges::stable_partition(
        waiting_, [this](const Waiting& each) { return !is_over(each); });
    over.assign(std::make_move_iterator(rest.begin()), std::make_move_iterator(rest.end()));
    waiting_.erase(rest.begin(), rest.end());
  }
  for (const auto& each : over) each.then();
}

void LocalScheduler::start_no_more_jobs() {
  draining_ = true;
  add_notice("the station is stopping: jobs that wait run after its next start");
}

void LocalScheduler::stop_waiting() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  pool_.stop_callers();
  wake_waiting();
}

void LocalScheduler::wait_for_models() {
  std::promise<void> known;
  when_models_known([&known] { known.set_value(); });
  known.get_future().wait();
}

std::shared_ptr<const domain::Catalog> LocalScheduler::catalog() {
  const std::lock_guard lock(mutex_);
  if (catalog_) return catalog_;
  const bool will_be = worker_problem_.empty();
  throw Error(ErrorCode::kUnsupported,
              why_no_models() + (will_be ? ": try again in a few seconds" : ""));
}

std::string LocalScheduler::why_no_models() const {
  if (!worker_problem_.empty()) return "no job can run: " + worker_problem_;
  for (const auto& worker : status_.workers) {
    if (worker.state == kWorkerStarting) return "the worker has not started yet";
    if (!worker.problem.empty()) return worker.problem;
  }
  return "the installed models are being inspected";
}

bool LocalScheduler::models_known() {
  const std::lock_guard lock(mutex_);
  return catalog_ != nullptr;
}

std::optional<domain::InstalledModel> LocalScheduler::find_model(const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (!catalog_) return std::nullopt;
  for (const auto& model : catalog_->models()) {
    if (model.card.id == id && model.problem.empty()) return model;
  }
  return std::nullopt;
}

// The job checks the files itself, independently of the list.
void LocalScheduler::look_again_if_changed(const domain::InstalledModel& model) {
  if (model.path.empty() || files_version_of(model.path) == model.files_version) return;
  inbox_.post([this] { scan_.request([] {}); });
}

void LocalScheduler::reserve_events() {
  if (board_.next_event_id() + limits::kEventsReserved / 2 < events_end_) return;
  events_end_ = store_.reserve_events(limits::kEventsReserved) + limits::kEventsReserved;
}

LocalScheduler::Upload LocalScheduler::read_upload(Decoder& decoder,
                                                   const std::vector<std::uint8_t>& bytes,
                                                   const card::Attachment& attachment,
                                                   std::string& reading) {
  if (bytes.size() > limits::kPictureBytesMax) {
    throw Error(ErrorCode::kTooLarge, attachment.role,
                "the picture's file is " + std::to_string(bytes.size() >> 20) + " MB large, " +
                    std::to_string(limits::kPictureBytesMax >> 20) + " are allowed");
  }
  reading = attachment.role;
  const auto decoded = decoder.decode(bytes);
  reading.clear();
  domain::check_attachment(attachment, decoded.image);
  return {decoded.media_type,
          {decoded.image.width, decoded.image.height},
          domain::frames_warning(attachment, decoded.frames_total)};
}

// All of them are looked at before the first is stored.
Job LocalScheduler::with_attachments(Job job, const NewJob& sent, Decoder& decoder,
                                     std::string& reading) {
  std::map<std::string, Upload> uploads;
  card::PictureSizes sizes;
  for (const auto& [role, bytes] : sent.attachments) {
    const auto* attachment = card::find_attachment(*job.input.parameters.task(), role);
    uploads[role] = read_upload(decoder, bytes, *attachment, reading);
    sizes[role] = uploads[role].size;
    if (auto& warning = uploads[role].warning) job.input.warnings.push_back(*std::move(warning));
  }
  plan_steps(job, sizes);
  for (const auto& [role, bytes] : sent.attachments) {
    job.input.attachments[role] =
        artifacts_.put(bytes, uploads[role].media_type, domain::ArtifactOrigin::kUploaded);
  }
  return job;
}

void LocalScheduler::plan_steps(Job& job, const card::PictureSizes& sizes) {
  if (!job.input.parameters.task()->steps) return;
  auto& warnings = job.input.warnings;
  job.input.steps = domain::plan_steps(
      job.input.parameters, sizes, [&](const card::TaskInput& input, const card::Roles& attached) {
        return resolve(input, attached, warnings);
      });
}

void LocalScheduler::submit(NewJob new_job, std::function<void(Accepted)> done) {
  Job job = accept(new_job);
  const auto place = std::make_shared<Place>(*this, job.priority);
  if (new_job.attachments.empty()) {
    plan_steps(job, {});
    return enqueue(place, std::move(job), new_job.request, std::move(done));
  }
  const auto sent = std::make_shared<const NewJob>(std::move(new_job));
  const auto reading = std::make_shared<std::string>();
  pool_.post(
      [this, sent, job, done, reading, place](Decoder& decoder) {
        enqueue(place, with_attachments(job, *sent, decoder, *reading), sent->request, done);
      },
      [done, reading](const Error& error) {
        done(reading->empty() ? error : Error(error.code(), *reading, error.what()));
      });
}

Job LocalScheduler::submit(const NewJob& new_job) {
  wait_for_models();
  std::promise<Accepted> promise;
  submit(new_job, [&promise](Accepted accepted) { promise.set_value(std::move(accepted)); });
  auto accepted = promise.get_future().get();
  if (const auto* error = std::get_if<Error>(&accepted)) throw Error(*error);
  return std::get<Job>(std::move(accepted));
}

// The input of a run, with ids for names and a seed.
card::TaskInput LocalScheduler::resolve(const card::TaskInput& input, const card::Roles& attached,
                                        std::vector<std::string>& warnings) {
  const auto known = catalog();
  const auto name = input.text(card::kModelMember);
  for (const auto& model : known->models()) {
    // An unusable model may have been repaired.
    if (model.card.id == name && !model.problem.empty()) look_again_if_changed(model);
  }
  const auto resolved = known->resolve(name, input.task_id());
  look_again_if_changed(resolved.model);
  const auto with_ids = card::with_ids(input, named_lists());
  domain::check_job_input(with_ids, resolved.model.card, attached);
  if (!resolved.warning.empty()) warnings.push_back(resolved.warning);
  return with_seed(with_ids.with_text(card::kModelMember, resolved.model.card.id));
}

// The request as a job, without its attachments and its steps.
Job LocalScheduler::accept(const NewJob& new_job) {
  catalog();  // throws where the models are not known
  const auto& task = task_of(new_job);
  const auto& sent = new_job.input.parameters;
  const auto attached = card::roles_of(new_job.attachments);
  Job job;
  auto& warnings = job.input.warnings;
  if (task.steps) {
    domain::check_job_input(sent, {}, attached);
    job.input.parameters = with_seed(sent);
  } else {
    job.input.parameters = resolve(sent, attached, warnings);
  }
  if (new_job.priority < 0 || new_job.priority > 3) {
    throw Error(ErrorCode::kInvalidArgument, "/priority: choose 0 (background) to 3 (immediate)");
  }
  job.id = platform::new_id();
  job.client = new_job.client;
  job.repeat_of = new_job.repeat_of;
  job.priority = new_job.priority;
  const auto& mode = new_job.input.memory_mode;
  if (memory_mode_named(mode)) {
    job.input.memory_mode = mode;
  } else if (!mode.empty()) {
    warnings.push_back("the memory mode '" + platform::cut(mode, 20) +
                       "' is unknown, so that of the settings is used: choose low, balanced or "
                       "high");
  }
  job.created_ms = options_.now_ms();
  warnings.insert(warnings.end(), new_job.input.warnings.begin(), new_job.input.warnings.end());
  for (auto& each : domain::warnings_of(job.input.parameters, attached, new_job.names)) {
    warnings.push_back(std::move(each));
  }
  job.progress.stage = "queued";
  return job;
}

const card::TaskDescription& LocalScheduler::task_of(const NewJob& new_job) {
  const auto& task = card::task_named(new_job.input.task());
  const std::lock_guard lock(mutex_);
  const auto& runs = status_.tasks;
  const auto is_run = [&runs](const std::string& id) {
    return std::ranges::find(runs, id) != runs.end();
  };
  if (!runs.empty() && !std::ranges::all_of(card::tasks_run_by(task), is_run)) {
    throw Error(ErrorCode::kUnsupported, "task",
                "the task '" + task.id + "' is not run by this engine: use another engine");
  }
  if (new_job.input.parameters.task() == nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                "the parameters of this job can no longer be read: send the job again");
  }
  return task;
}

card::NamedLists LocalScheduler::named_lists() {
  const std::lock_guard lock(mutex_);
  return {{"samplers", status_.samplers}, {"schedules", status_.schedules}};
}

// The size of each run, from its input and the card of its model.
void LocalScheduler::estimate_work(Job& job) {
  const auto known = catalog();
  const auto work_of = [&](const card::TaskInput& input) {
    const auto& models = known->models();
    const auto name = input.text(card::kModelMember);
    const auto model =
        std::ranges::find_if(models, [&](const auto& each) { return each.card.id == name; });
    const bool sized = model != models.end() && input.task() != nullptr && input.task()->work;
    return sized ? input.task()->work(input, model->card) : card::Work{};
  };
  if (job.input.steps.empty()) job.input.work = {work_of(job.input.parameters)};
  for (const auto& step : job.input.steps) job.input.work.push_back(work_of(step.input));
}

// The disk is not waited for: many jobs reach it together.
void LocalScheduler::enqueue(const std::shared_ptr<Place>& place, Job job,
                             const domain::RequestKey& request,
                             std::function<void(Accepted)> done) {
  estimate_work(job);
  const auto event = board_.take_event_id();  // before the job can be ended
  const auto cancellations = cancellations_.load();
  const auto accepted = std::make_shared<const Job>(std::move(job));
  const auto insertion = insertions_.begin();
  store_.insert_later(accepted,
                      {.request = request, .keys_since_ms = keys_since_ms(), .holds_place = true},
                      [this, place, accepted, event, cancellations, insertion, request,
                       done = std::move(done)](const domain::InsertOutcome& outcome) {
                        if (const auto* error = std::get_if<Error>(&outcome)) return done(*error);
                        const auto& inserted = std::get<domain::Inserted>(outcome);
                        if (!inserted.is_new) {
                          return done(accepted_before({inserted.id, inserted.digest}, request));
                        }
                        place->filled();
                        inbox_.post([this, accepted, event, cancellations] {
                          show_accepted(*accepted, event, cancellations);
                        });
                        plan_soon();
                        done(*accepted);
                      });
}

// Of very many jobs that wait the board holds those that it is asked about.
void LocalScheduler::show_accepted(const Job& job, std::int64_t event, std::int64_t cancellations) {
  if (board_.holds(job.id) || board_.jobs_held() >= limits::kJobsShown) return;
  const bool may_be_cancelled = cancellations_.load() != cancellations;
  const auto stored = may_be_cancelled ? store_.find(job.id) : std::nullopt;
  stored&& domain::is_terminal(stored->state)
      ? board_.publish("state", *stored, stored->finished_ms)
      : board_.publish("state", job, job.created_ms, event);
}

// Jobs that come one after the other are planned together.
void LocalScheduler::plan_soon() {
  if (plan_asked_.exchange(true)) return;
  inbox_.post([this] {
    plan_asked_ = false;
    runner_.run_next();
  });
}

Job LocalScheduler::job(const std::string& id) {
  if (auto live = board_.find(id)) {
    live->progress.text = board_.text(id);
    return *std::move(live);
  }
  if (auto stored = store_.find(id)) return *stored;
  throw Error(ErrorCode::kNotFound, "there is no job '" + id + "'");
}

std::vector<Job> LocalScheduler::recent_jobs(const domain::JobFilter& filter) {
  auto bounded = filter;
  bounded.limit = std::clamp(filter.limit, 1, limits::kRecentJobsMax);
  auto jobs = store_.recent(bounded);
  for (auto& entry : jobs) {
    auto live = board_.find(entry.id);
    // A job that changed in between is returned as the store read it, so that it matches the
    // filter.
    if (live && domain::has_state_of(filter, *live)) entry = *std::move(live);
  }
  return jobs;
}

Job LocalScheduler::cancel(const std::string& id) {
  auto known = job(id);  // throws for an unknown one
  if (domain::is_terminal(known.state)) return known;
  // A queued job is ended here; the scheduler's thread notifies the listeners.
  known.state = JobState::kCancelled;
  known.finished_ms = std::max(options_.now_ms(), known.created_ms);
  known.last_event = board_.take_event_id();
  if (store_.finish(known, JobState::kQueued)) {
    remove_steps(artifacts_, known);
    inbox_.post([this, known] { board_.publish("state", known, known.finished_ms); });
    return known;
  }
  inbox_.post([this, id] { runner_.cancel(id); });
  return job(id);
}

std::unique_ptr<Subscription> LocalScheduler::subscribe(const std::string& id, std::int64_t after,
                                                        EventListener listener) {
  job(id);  // throws for an unknown one
  auto subscriber = std::make_shared<Subscriber>(after, std::move(listener));
  inbox_.post([this, id, subscriber] {
    if (const auto stored = store_.find(id)) board_.attach(id, subscriber, *stored);
  });
  return std::make_unique<BoardSubscription>(std::move(subscriber));
}

void LocalScheduler::explain(std::function<void(Explanation)> done) {
  inbox_.post([this, done = std::move(done)] { done(runner_.explain()); });
}

std::int64_t LocalScheduler::end_event(const std::string& id) {
  const auto stored = store_.find(id);
  if (!stored) throw Error(ErrorCode::kNotFound, "there is no job '" + id + "'");
  return board_.end_event(*stored);
}

StationStatus LocalScheduler::status() {
  const auto up = Clock::now() - started_;
  auto decoders = pool_.decoders();
  const std::lock_guard lock(mutex_);
  auto status = status_;
  if (!runner_problem_.empty()) status.notices.push_back(runner_problem_);
  if (!paused_notice_.empty()) status.notices.push_back(paused_notice_);
  status.decoders = std::move(decoders);
  status.uptime_ms = std::chrono::duration_cast<std::chrono::milliseconds>(up).count();
  return status;
}

DeviceMemory LocalScheduler::device_memory() {
  const std::lock_guard lock(mutex_);
  return status_;
}

ModelList LocalScheduler::list_models() const {
  if (!catalog_) return {.reason = why_no_models()};
  return {.models = {catalog_, &catalog_->models()}, .reason = ""};
}

ModelList LocalScheduler::models() {
  const std::lock_guard lock(mutex_);
  return list_models();
}

void LocalScheduler::refresh_models(std::chrono::milliseconds patience,
                                    std::function<void(ModelList)> done) {
  std::uint64_t mine = 0;
  {
    const std::lock_guard lock(mutex_);
    mine = ++refreshes_asked_;
    const auto answer = [this, mine, done = std::move(done)] {
      std::unique_lock list_lock(mutex_);
      auto list = list_models();
      const bool found = stopping_ || refreshes_done_ >= mine;
      list_lock.unlock();
      if (list.reason.empty() && !found) {
        list.reason = "the folders are still being scanned: this is the previous list";
      }
      done(std::move(list));
    };
    waiting_.push_back({.refresh = mine, .until = Clock::now() + patience, .then = answer});
  }
  inbox_.post([this, mine] {
    scan_.request([this, mine] {
      const std::lock_guard lock(mutex_);
      refreshes_done_ = std::max(refreshes_done_, mine);
    });
  });
}

domain::ResolvedModel LocalScheduler::resolve_model(const std::string& name,
                                                    const std::string& task,
                                                    domain::UnknownModel unknown) {
  if (options_.unknown_models == domain::UnknownModel::kRefuse) unknown = options_.unknown_models;
  return catalog()->resolve(name, task, unknown);
}

void LocalScheduler::unload_models(std::chrono::milliseconds patience,
                                   std::function<void(Unloaded)> done) {
  inbox_.post([this, until = Supervisor::Clock::now() + patience, done = std::move(done)] {
    struct Gathered {
      std::size_t left = 0;
      Unloaded worst = Unloaded::kNow;
    };
    const auto all = std::make_shared<Gathered>(Gathered{.left = workers_.size()});
    for (const auto& worker : workers_) {
      worker->unload(until, [all, done](Unloaded one) {
        all->worst = std::max(all->worst, one);
        if (--all->left == 0) done(all->worst);
      });
    }
  });
}

OpenPicture LocalScheduler::open_artifact(const std::string& id) {
  if (id.starts_with(PreviewCache::kPrefix)) {
    if (auto preview = previews_.find(id)) {
      return {platform::bytes_in_memory(std::move(preview->bytes)), std::move(preview->media_type)};
    }
    throw Error(ErrorCode::kNotFound,
                "the preview '" + id + "' is not kept: only the newest one is");
  }
  auto kept = artifacts_.open(id);
  return {std::move(kept.bytes), std::move(kept.media_type)};
}

Picture LocalScheduler::artifact(const std::string& id) {
  const auto picture = open_artifact(id);
  return {platform::read_all(*picture.bytes), picture.media_type};
}

}  // namespace atelier::scheduler
