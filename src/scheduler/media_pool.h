// Threads with a decoder process each, for work on the bytes of pictures: reading uploads, encoding
// and storing results. Thread-safe. Exceptions of a task are passed to its `failed`.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "platform/error.h"
#include "platform/queue.h"
#include "scheduler/decoder.h"

namespace atelier::scheduler {

class MediaPool {
 public:
  using Work = std::function<void(Decoder&)>;
  using Failed = std::function<void(const Error&)>;

  // The owner of a task: a caller that waits for it, or the station, whose jobs run again.
  enum class For { kCaller, kStation };

  MediaPool(const LaunchChild& launch, int threads, const Patience& patience = {});
  ~MediaPool();  // stops

  // Returns at once; both run on a thread of the pool, `failed` also on the one that stops it.
  void post(Work work, Failed failed, For whom = For::kCaller);
  // The station stops: tasks of callers fail now, and later ones at once. Does not wait.
  void stop_callers();
  std::vector<DecoderStatus> decoders();  // those that a picture has started
  void stop();  // queued tasks fail with a sentence, running ones are aborted
  bool stopping();

 private:
  struct Task {
    Work work;
    Failed failed;
    For whom = For::kCaller;
  };
  struct Seat {  // a thread's
    std::unique_ptr<Decoder> decoder;
    bool busy_for_caller = false;  // guarded by mutex_
  };
  void run(Seat& seat);
  bool begin(Seat& seat, const Task& task);  // false: its caller was stopped meanwhile

  platform::Queue<Task> tasks_;
  std::mutex mutex_;
  bool callers_stopped_ = false;  // guarded by mutex_
  std::vector<std::unique_ptr<Seat>> seats_;
  std::vector<std::thread> threads_;
};

}  // namespace atelier::scheduler
