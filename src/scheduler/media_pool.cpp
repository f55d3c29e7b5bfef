#include "scheduler/media_pool.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <iterator>
#include <utility>

namespace atelier::scheduler {
namespace {

Error stopping_error() { return Error(ErrorCode::kInternal, "the station is stopping"); }

}  // namespace

MediaPool::MediaPool(const LaunchChild& launch, int threads, const Patience& patience) {
  for (int i = 0; i < threads; ++i) {
    seats_.push_back(std::make_unique<Seat>());
    seats_.back()->decoder = std::make_unique<Decoder>(launch, patience);
  }
  for (auto& seat : seats_) {
    threads_.emplace_back([this, &seat] { run(*seat); });
  }
}

MediaPool::~MediaPool() { stop(); }

void MediaPool::post(Work work, Failed failed, For whom) {
  {
    const std::lock_guard lock(mutex_);
    const bool refused = stopped_ || (callers_stopped_ && whom == For::kCaller);
    if (!refused) {
      tasks_.push_back({std::move(work), std::move(failed), whom});
      arrived_.notify_one();
      return;
    }
  }
  failed(stopping_error());
}

void MediaPool::run(Seat& seat) {
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      seat.busy_for_caller = false;
      arrived_.wait(lock, [this] { return stopped_ || !tasks_.empty(); });
      if (stopped_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
      seat.busy_for_caller = task.whom == For::kCaller;
    }
    try {
      task.work(*seat.decoder);
    } catch (const Error& error) {
      task.failed(error);
    } catch (const std::exception& error) {
      task.failed(Error(ErrorCode::kInternal, error.what()));
    }
  }
}

void MediaPool::stop_callers() {
  std::vector<Task> left;
  {
    const std::lock_guard lock(mutex_);
    callers_stopped_ = true;
    const auto waits = [](const Task& task) { return task.whom == For::kCaller; };
    const auto callers = std::ranges::stable_partition(tasks_, std::not_fn(waits));
    left.assign(std::make_move_iterator(callers.begin()), std::make_move_iterator(callers.end()));
    tasks_.erase(callers.begin(), callers.end());
    for (auto& seat : seats_) {
      if (seat->busy_for_caller) seat->decoder->abort();
    }
  }
  for (auto& task : left) task.failed(stopping_error());
}

bool MediaPool::stopping() {
  const std::lock_guard lock(mutex_);
  return callers_stopped_ || stopped_;
}

std::vector<DecoderStatus> MediaPool::decoders() {
  std::vector<DecoderStatus> started;
  for (const auto& seat : seats_) {
    if (auto status = seat->decoder->status()) started.push_back(*std::move(status));
  }
  return started;
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
  for (auto& seat : seats_) seat->decoder->abort();
  for (auto& thread : threads_) thread.join();
  for (auto& task : left) task.failed(stopping_error());
}

}  // namespace atelier::scheduler
