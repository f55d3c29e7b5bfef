// The state of the machine's NVIDIA GPUs, as the driver reports it: plain values, filled by nvml.h
// and kept up to date by gpu_reader.h. What a driver does not report is absent.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace atelier::platform {

struct GpuMemory {
  std::int64_t bytes_total = 0, bytes_free = 0, bytes_used = 0;
};

// A process that computes on a GPU. In a container the driver gives the process ids of the host.
struct GpuProcess {
  int pid = 0;
  std::optional<std::int64_t> bytes = {};  // of GPU memory
};

struct GpuState {
  int index = 0;            // in the order of PCI addresses, as `nvidia-smi` counts
  std::string uuid;         // "GPU-…"; "": the driver does not name it, so that it cannot be used
  std::string name;         // "NVIDIA H100 PCIe"
  std::string device = {};  // the station's name for it, "cuda:1"; "": no worker computes on it
  std::string compute_capability = {};  // "9.0"
  std::optional<GpuMemory> memory = {};
  std::optional<int> busy_percent = {};  // of the time of the last fraction of a second
  std::optional<int> temperature_c = {};
  std::optional<double> power_w = {}, power_limit_w = {};
  std::vector<GpuProcess> processes = {};
  std::vector<std::string> not_reported = {};  // "power", "temperature" …: it has no such reading
  std::string problem = {};                    // a sentence, with what to do; "" when it is well
};

enum class GpuAccess {
  kUnknown,         // not read yet
  kReady,           // the driver lists at least one GPU
  kNoLibrary,       // NVIDIA's management library is not installed
  kNoDriver,        // the library is there, the driver is not loaded
  kNoGpu,           // the driver works and lists none
  kDriverMismatch,  // library and loaded driver are of different versions
  kFailed,
};

struct GpuReading {
  GpuAccess access = GpuAccess::kUnknown;
  std::string problem = {};  // why no GPU can be read, a sentence; "" with kReady
  std::string driver = {};   // its version, "550.54.15"
  std::vector<GpuState> gpus = {};
  std::chrono::steady_clock::time_point taken = {};  // when the values were read
};

}  // namespace atelier::platform
