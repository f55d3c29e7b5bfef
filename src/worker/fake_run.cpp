#include "worker/fake_run.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include "platform/error.h"

namespace atelier::worker {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPatience{5};  // between two polls of the cancellation

// The id of the model; throws when its file is missing.
std::string checked_model(const engine::RunRequest& request) {
  const auto found = request.models.find("model");
  if (found == request.models.end()) {
    throw Error(ErrorCode::kInvalidArgument, "model",
                "the request names no model for the role 'model'");
  }
  const engine::ModelFiles& files = found->second;
  if (!files.path.empty() && !std::filesystem::exists(files.path)) {
    throw Error(ErrorCode::kNotFound,
                "the model '" + files.id + "' was moved or deleted: look for models again");
  }
  return files.id;
}

}  // namespace

std::int64_t fake_bytes(int megabytes) { return std::int64_t{megabytes} << 20; }

std::int64_t held_bytes(const FakeSwitches& switches, const FakeState& state) {
  return fake_bytes(switches.model_mb) * static_cast<std::int64_t>(state.loaded.size()) +
         fake_bytes(switches.peak_mb) * static_cast<std::int64_t>(state.runs.size());
}

FakeRun::FakeRun(const FakeSwitches& switches, FakeState& state, const engine::RunRequest& request,
                 const card::TaskInput& input, engine::JobObserver& observer)
    : switches_(switches),
      state_(state),
      request_(request),
      input_(input),
      observer_(observer),
      model_(checked_model(request)) {
  note_time("begin");
  std::string words;
  for (int i = 1; i <= switches.words; ++i) words += (i > 1 ? " wörd" : "wörd") + std::to_string(i);
  stream(std::move(words));
}

FakeRun::~FakeRun() {
  note_time("end");
  const std::scoped_lock lock(state_.mutex);
  state_.runs.erase(this);
  if (uses_model_) --state_.loaded[model_];
}

void FakeRun::note_time(const char* what) const {
  if (switches_.times.empty()) return;
  const auto* seed = input_.members().if_contains(card::kSeedMember);
  const auto nanoseconds =
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch());
  std::ofstream(switches_.times, std::ios::app)
      << what << ' ' << (seed == nullptr ? "0" : json::write_json(*seed)) << ' '
      << nanoseconds.count() << '\n';
}

void FakeRun::stream(std::string text) {
  text_ = std::move(text);
  text_sent_ = 0;
}

bool FakeRun::hold_peak() {
  {
    const std::scoped_lock lock(state_.mutex);
    alone_ = alone_ && state_.runs.empty();
    for (FakeRun* other : state_.runs) other->alone_ = false;
    state_.runs.insert(this);
    if (held_bytes(switches_, state_) > fake_bytes(switches_.device_mb)) return false;
  }
  ballast_.assign(static_cast<std::size_t>(switches_.memory_mb) << 20U, 1);
  return true;
}

void FakeRun::let_go_of_peak() {
  std::vector<char>().swap(ballast_);
  const std::scoped_lock lock(state_.mutex);
  state_.runs.erase(this);
  alone_ = false;
}

std::int64_t FakeRun::measured_peak() const {
  const std::scoped_lock lock(state_.mutex);
  return alone_ ? fake_bytes(switches_.peak_mb) : 0;
}

double FakeRun::load() {
  bool fresh = false;
  {
    const std::scoped_lock lock(state_.mutex);
    fresh = !state_.loaded.contains(model_);
    ++state_.loaded[model_];
    uses_model_ = true;
  }
  if (!hold_peak()) {
    const std::scoped_lock lock(state_.mutex);
    if (fresh && state_.loaded[model_] == 1) {
      state_.loaded.erase(model_);
      uses_model_ = false;
    }
    throw Error(ErrorCode::kOutOfMemory,
                "out of memory while loading '" + model_ + "': unload another model");
  }
  if (fresh) {
    observer_.on_progress({.stage = "load", .step = 0, .total = 1});
    wait_whole(std::chrono::milliseconds(switches_.load_ms), 0);
  }
  return fresh ? switches_.load_ms : 0;
}

double FakeRun::steps(const std::string& stage, int total,
                      const std::function<void(int step)>& after_step) {
  observer_.on_progress({.stage = stage, .step = 0, .total = total});
  double seconds = 0;
  for (int step = 1; step <= total; ++step) {
    misbehave(stage, step);
    wait_whole(std::chrono::milliseconds(switches_.step_ms), step - 1);
    seconds += std::chrono::duration<double>(Clock::now() - part_start_).count();
    observer_.on_progress(
        {stage, step, total, seconds / step * (total - step), seconds > 0 ? step / seconds : 0});
    send_words(step, total);
    after_step(step);
    steps_done_ = step;
  }
  return seconds * 1000;
}

// A word begins with the space before it.
void FakeRun::send_words(int step, int total) {
  const auto until =
      text_.size() * static_cast<std::size_t>(step) / static_cast<std::size_t>(total);
  while (text_sent_ < until) {
    const auto end = std::min(text_.find(' ', text_sent_ + 1), text_.size());
    observer_.on_text(std::string_view(text_).substr(text_sent_, end - text_sent_));
    text_sent_ = end;
  }
}

void FakeRun::finish() { wait_whole(std::chrono::milliseconds(switches_.late_ms), steps_done_); }

const media::Image* FakeRun::attached(const std::string& role) const {
  const auto found = request_.attachments.find(role);
  return found == request_.attachments.end() ? nullptr : &found->second.front().image;
}

void FakeRun::misbehave(const std::string& stage, int step) {
  if (step == switches_.crash_at_step) std::abort();
  if (step == 2 && !switches_.crash_once.empty() &&
      !std::filesystem::exists(switches_.crash_once)) {
    std::ofstream(switches_.crash_once) << "crashed";
    std::abort();
  }
  if (step == switches_.hang_at_step) {
    observer_.on_progress({.stage = stage, .step = step - 1, .total = 0});
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
  if (step == switches_.poison_at_step) {
    throw Error(ErrorCode::kWorkerLost, "the device failed: the worker is restarted, try again");
  }
  if (step == switches_.oom_at_step || (switches_.oom_once != 0 && first_time_full())) {
    throw Error(ErrorCode::kOutOfMemory,
                "out of memory while making a picture: choose a smaller size or batch");
  }
}

bool FakeRun::first_time_full() {
  const std::scoped_lock lock(state_.mutex);
  return !std::exchange(state_.was_full, true);
}

void FakeRun::wait_whole(std::chrono::milliseconds duration, int steps) {
  while (!wait(duration)) {
    let_go_of_peak();
    observer_.wait_while_suspended(steps);
    if (observer_.cancelled()) throw Error(ErrorCode::kCancelled, "the job was cancelled");
    if (hold_peak()) continue;
    throw Error(ErrorCode::kOutOfMemory,
                "out of memory after a suspension: choose a smaller size or batch");
  }
}

bool FakeRun::wait(std::chrono::milliseconds duration) {
  part_start_ = Clock::now();
  const auto end = part_start_ + duration;
  for (;;) {
    if (observer_.cancelled()) throw Error(ErrorCode::kCancelled, "the job was cancelled");
    if (input_.task()->suspends && observer_.suspend_asked()) return false;
    const auto left = end - Clock::now();
    if (left <= Clock::duration::zero()) return true;
    std::this_thread::sleep_for(std::min<Clock::duration>(left, kPatience));
  }
}

}  // namespace atelier::worker
