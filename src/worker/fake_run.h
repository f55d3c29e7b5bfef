// One run of the fake engine: the steps of a task with real timing, progress, cancellation and
// suspension, and the failures of the switches. Used by the fake tasks (fake_generate.h). Job
// thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "card/task.h"
#include "engine/interface.h"
#include "worker/fake_engine.h"

namespace atelier::worker {

class FakeRun;

// What all runs of an engine share.
struct FakeState {
  std::mutex mutex;
  std::map<std::string, int> loaded;  // ids of models: runs that use each
  std::set<FakeRun*> runs;            // that hold their peak
  bool was_full = false;              // out of memory has happened once (switch oom_once)
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

  // Once per model, which stays in memory until the run ends. Allocates the memory of the switch
  // until then, but not while the run is suspended. Throws kOutOfMemory where the device has too
  // little memory for models and runs. -> milliseconds
  double load();
  // The following steps() send `text` word by word as they go on.
  void stream(std::string text);
  // `total` steps of step_ms each; `after_step` receives the number of the step, from 1. A run that
  // is suspended does the step in progress again. -> milliseconds
  double steps(const std::string& stage, int total,
               const std::function<void(int step)>& after_step);
  void finish();  // late_ms
  // The peak of the switch; 0 where the run was suspended or others ran beside it.
  std::int64_t measured_peak() const;

 private:
  void note_time(const char* what) const;
  void misbehave(const std::string& stage, int step);
  void send_words(int step, int total);
  bool first_time_full();
  bool hold_peak();  // false: the device has too little memory
  void let_go_of_peak();
  // Again from its start after each suspension; `steps` are done before it.
  void wait_whole(std::chrono::milliseconds duration, int steps);
  // False: the run is to wait.
  bool wait(std::chrono::milliseconds duration);

  const FakeSwitches& switches_;
  FakeState& state_;
  const engine::RunRequest& request_;
  const card::TaskInput& input_;
  engine::JobObserver& observer_;
  const std::string model_;
  std::vector<char> ballast_;
  bool uses_model_ = false;
  bool alone_ = true;  // with the mutex of the state held
  int steps_done_ = 0;
  std::chrono::steady_clock::time_point part_start_;  // of what is waited for
  std::string text_;                                  // that is streamed
  std::size_t text_sent_ = 0;                         // bytes of it
};

}  // namespace atelier::worker
