// Threads that each own a decoder process and do what has to do with the bytes of pictures: reading
// uploads, encoding what was made, storing it. Thread-safe. What a task throws reaches its
// `failed`.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "platform/error.h"
#include "scheduler/decoder.h"

namespace atelier::scheduler {

class MediaPool {
 public:
  using Work = std::function<void(Decoder&)>;
  using Failed = std::function<void(const Error&)>;

  MediaPool(const LaunchChild& launch, int threads);
  ~MediaPool();  // stops

  void post(Work work, Failed failed);  // returns at once; both run on a thread of the pool
  void stop();                          // what waits fails with a sentence, what runs is cut off

 private:
  struct Task {
    Work work;
    Failed failed;
  };
  void run(Decoder& decoder);

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Task> tasks_;  // guarded by mutex_
  bool stopped_ = false;    // guarded by mutex_
  std::vector<std::unique_ptr<Decoder>> decoders_;
  std::vector<std::thread> threads_;
};

}  // namespace atelier::scheduler
