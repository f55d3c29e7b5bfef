#include "scheduler/media_pool.h"

#include <exception>
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
  Task task{std::move(work), std::move(failed), whom};
  {
    const std::lock_guard lock(mutex_);
    const bool refused = callers_stopped_ && whom == For::kCaller;
    if (!refused && tasks_.push(std::move(task)) == platform::Push::kTaken) return;
  }
  task.failed(stopping_error());  // NOLINT(bugprone-use-after-move): push() refused it
}

bool MediaPool::begin(Seat& seat, const Task& task) {
  const std::lock_guard lock(mutex_);
  seat.busy_for_caller = task.whom == For::kCaller && !callers_stopped_;
  return seat.busy_for_caller || task.whom == For::kStation;
}

void MediaPool::run(Seat& seat) {
  while (const auto task = tasks_.take()) {
    try {
      if (!begin(seat, *task)) throw stopping_error();
      task->work(*seat.decoder);
    } catch (const Error& error) {
      task->failed(error);
    } catch (const std::exception& error) {
      task->failed(Error(ErrorCode::kInternal, error.what()));
    }
    const std::lock_guard lock(mutex_);
    seat.busy_for_caller = false;
  }
}

void MediaPool::stop_callers() {
  {
    const std::lock_guard lock(mutex_);
    callers_stopped_ = true;
    for (auto& seat : seats_) {
      if (seat->busy_for_caller) seat->decoder->abort();
    }
  }
  const auto callers = tasks_.remove_if([](const Task& task) { return task.whom == For::kCaller; });
  for (const auto& task : callers) task.failed(stopping_error());
}

bool MediaPool::stopping() {
  const std::lock_guard lock(mutex_);
  return callers_stopped_ || tasks_.closed();
}

std::vector<DecoderStatus> MediaPool::decoders() {
  std::vector<DecoderStatus> started;
  for (const auto& seat : seats_) {
    if (auto status = seat->decoder->status()) started.push_back(*std::move(status));
  }
  return started;
}

void MediaPool::stop() {
  if (tasks_.closed()) return;
  const auto left = tasks_.close();
  for (auto& seat : seats_) seat->decoder->abort();
  for (auto& thread : threads_) thread.join();
  for (const auto& task : left) task.failed(stopping_error());
}

}  // namespace atelier::scheduler
