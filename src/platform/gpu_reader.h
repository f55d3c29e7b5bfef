// Keeps the last reading of the machine's GPUs: a thread of its own reads them at an interval,
// because a call of NVML may block for long where the driver fails. All functions but the
// constructor may be called from any thread and return at once unless they say otherwise. A reading
// that blocks makes the last one older; it is reported by stale() and stops nothing else.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "platform/gpu.h"
#include "platform/nvml.h"

namespace atelier::platform {

struct GpuReaderOptions {
  std::string library = kNvmlLibrary;
  std::chrono::milliseconds period{1'000};
  // Where no GPU can be read: loading and initialising NVML takes longer than a reading.
  std::chrono::milliseconds period_without_gpus{30'000};
  std::chrono::milliseconds stop_patience{1'000};
};

class GpuReader {
 public:
  explicit GpuReader(GpuReaderOptions options = {});
  // Waits for a call that is under way for `stop_patience` at most; one that takes longer is left
  // to its thread, which ends with it.
  ~GpuReader();
  GpuReader(const GpuReader&) = delete;
  GpuReader& operator=(const GpuReader&) = delete;

  // The last one; kUnknown before the first.
  GpuReading reading() const;
  // Waits for the first one, at most so long.
  GpuReading wait(std::chrono::milliseconds at_most) const;

 private:
  struct Shared;
  static void run(const std::shared_ptr<Shared>& shared);

  const std::shared_ptr<Shared> shared_;  // with the thread, which may outlive this object
  std::thread thread_;
};

// "the GPUs have not answered for 12 s …" where the reading is older than it is when the driver
// works; "" otherwise.
std::string stale(const GpuReading& reading, std::chrono::steady_clock::time_point now);

}  // namespace atelier::platform
