#include "scheduler/media_pool.h"

#include <exception>
#include <utility>

namespace atelier::scheduler {

MediaPool::MediaPool(const LaunchChild& launch, int threads) {
  for (int i = 0; i < threads; ++i) decoders_.push_back(std::make_unique<Decoder>(launch));
  for (auto& decoder : decoders_) {
    threads_.emplace_back([this, &decoder] { run(*decoder); });
  }
}

MediaPool::~MediaPool() { stop(); }

void MediaPool::post(Work work, Failed failed) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopped_) {
      tasks_.push_back({std::move(work), std::move(failed)});
      arrived_.notify_one();
      return;
    }
  }
  failed(Error(ErrorCode::kInternal, "the station is stopping"));
}

void MediaPool::run(Decoder& decoder) {
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return stopped_ || !tasks_.empty(); });
      if (stopped_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    try {
      task.work(decoder);
    } catch (const Error& error) {
      task.failed(error);
    } catch (const std::exception& error) {
      task.failed(Error(ErrorCode::kInternal, error.what()));
    }
  }
}

void MediaPool::stop() {
  std::deque<Task> left;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
    left.swap(tasks_);
    arrived_.notify_all();
  }
  for (auto& decoder : decoders_) decoder->abort();
  for (auto& thread : threads_) thread.join();
  for (auto& task : left) task.failed(Error(ErrorCode::kInternal, "the station is stopping"));
}

}  // namespace atelier::scheduler
