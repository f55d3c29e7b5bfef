#include "platform/gpu_reader.h"

#include <mutex>
#include <utility>

#include "platform/condition.h"

namespace atelier::platform {
namespace {

constexpr std::chrono::seconds kStaleAfter{5};  // five periods

}  // namespace

struct GpuReader::Shared {
  explicit Shared(GpuReaderOptions chosen) : options(std::move(chosen)) {}

  const GpuReaderOptions options;
  std::mutex mutex;
  Condition changed;
  GpuReading reading;     // guarded by mutex
  bool stopping = false;  // guarded by mutex
  bool ended = false;     // guarded by mutex
  bool left = false;      // guarded by mutex; the reader is gone, the program may be ending
};

GpuReader::GpuReader(GpuReaderOptions options)
    : shared_(std::make_shared<Shared>(std::move(options))),
      thread_([shared = shared_] { run(shared); }) {}

GpuReader::~GpuReader() {
  bool ended = false;
  {
    std::unique_lock lock(shared_->mutex);
    shared_->stopping = true;
    shared_->changed.notify_all();
    ended = shared_->changed.wait_for(lock, shared_->options.stop_patience,
                                      [this] { return shared_->ended; });
    shared_->left = !ended;
  }
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

// Uses nothing but what it shares: it may outlive the reader, and the end of the program comes
// while it is still in a call.
void GpuReader::run(const std::shared_ptr<Shared>& shared) {
  {
    Nvml nvml(shared->options.library);
    std::unique_lock lock(shared->mutex);
    while (!shared->stopping) {
      lock.unlock();
      auto reading = nvml.read();
      lock.lock();
      const bool ready = reading.access == GpuAccess::kReady;
      shared->reading = std::move(reading);
      shared->changed.notify_all();
      const auto& options = shared->options;
      shared->changed.wait_for(lock, ready ? options.period : options.period_without_gpus,
                               [&] { return shared->stopping; });
    }
    if (shared->left) nvml.leave_initialised();
    lock.unlock();
  }
  const std::lock_guard lock(shared->mutex);
  shared->ended = true;
  shared->changed.notify_all();
}

GpuReading GpuReader::reading() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->reading;
}

GpuReading GpuReader::wait(std::chrono::milliseconds at_most) const {
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait_for(lock, at_most,
                            [this] { return shared_->reading.access != GpuAccess::kUnknown; });
  return shared_->reading;
}

std::string stale(const GpuReading& reading, std::chrono::steady_clock::time_point now) {
  const auto age = now - reading.taken;
  if (reading.access != GpuAccess::kReady || age < kStaleAfter) return "";
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(age).count();
  return "the state of the GPUs is " + std::to_string(seconds) +
         " s old: NVIDIA's driver does not answer";
}

}  // namespace atelier::platform
