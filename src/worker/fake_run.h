// One run of the fake engine: the steps of a task with real timing, progress and cancellation, and
// the failures of the switches. Used by the fake tasks (fake_generate.h). Job thread.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "card/task.h"
#include "engine/interface.h"
#include "worker/fake_engine.h"

namespace atelier::worker {

// What all runs of an engine share.
struct FakeState {
  std::mutex mutex;
  std::set<std::string> loaded;  // ids of models
  int runs = 0;                  // that hold their peak
  bool was_full = false;         // out of memory has happened once (switch oom_once)
};

std::int64_t fake_bytes(int megabytes);
// Of the device's memory; with the mutex held.
std::int64_t held_bytes(const FakeSwitches& switches, const FakeState& state);

class FakeRun {
 public:
  FakeRun(const FakeSwitches& switches, FakeState& state, const engine::RunRequest& request,
          const card::TaskInput& input, engine::JobObserver& observer);
  ~FakeRun();
  FakeRun(const FakeRun&) = delete;
  FakeRun& operator=(const FakeRun&) = delete;

  const card::TaskInput& input() const { return input_; }
  const std::string& model() const { return model_; }           // id
  const media::Image* attached(const std::string& role) const;  // null: there is none
  engine::JobObserver& observer() { return observer_; }

  // Once per model. Allocates the memory of the switch until the run ends. Throws kOutOfMemory
  // where the device has too little memory for models and runs. -> milliseconds
  double load();
  // The following steps() send `text` word by word as they go on.
  void stream(std::string text);
  // `total` steps of step_ms each; `after_step` receives the number of the step, from 1.
  // -> milliseconds
  double steps(const std::string& stage, int total,
               const std::function<void(int step)>& after_step);
  void finish();  // late_ms

 private:
  void misbehave(const std::string& stage, int step);
  void send_words(int step, int total);
  bool first_time_full();
  void wait(std::chrono::milliseconds duration);

  const FakeSwitches& switches_;
  FakeState& state_;
  const engine::RunRequest& request_;
  const card::TaskInput& input_;
  engine::JobObserver& observer_;
  const std::string model_;
  std::vector<char> ballast_;
  bool holds_peak_ = false;
  std::string text_;           // that is streamed
  std::size_t text_sent_ = 0;  // bytes of it
};

}  // namespace atelier::worker
