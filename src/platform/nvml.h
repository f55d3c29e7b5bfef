// NVIDIA's management library (NVML), loaded at run time: neither its header nor the library is
// needed to build or to start. It reads the state of GPUs without opening them for computing. The
// declarations in nvml.cpp follow NVIDIA's "NVML API Reference Guide"
// (https://docs.nvidia.com/deploy/nvml-api/) and the nvml.h of its open-source nvidia-settings;
// functions with the suffix _v2 or _v3 are fixed binary interfaces.
//
// One thread at a time; the calls may block for long on a driver that fails, so that this is used
// through gpu_reader.h. Nothing is thrown: no library, no driver and no GPU are normal states, and
// a GPU that fails is a sentence in its row and leaves the other rows as they are.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "platform/gpu.h"

namespace atelier::platform {

inline constexpr auto kNvmlLibrary = "libnvidia-ml.so.1";

class Nvml {
 public:
  explicit Nvml(std::string library = kNvmlLibrary);  // a name for the dynamic linker, or a path
  ~Nvml();                                            // shuts the library down
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  // Loads and initialises the library where that has not succeeded yet, and reads all GPUs.
  GpuReading read();
  // The destructor calls nothing: the program may already be ending.
  void leave_initialised() { initialised_ = false; }

 private:
  struct Functions;
  struct Identity {  // of a GPU that has been read: one that is lost no longer reports it
    std::string uuid, name;
  };
  bool load(GpuReading& reading);
  bool initialise(GpuReading& reading);
  GpuState read_gpu(unsigned index);
  std::string failure_of(const GpuState& gpu, int failure) const;
  std::string text_of(int failure) const;

  const std::string library_;
  std::unique_ptr<Functions> functions_;  // null until the library is loaded
  bool initialised_ = false;
  unsigned count_ = 0;
  std::map<unsigned, Identity> identities_;  // by index
};

}  // namespace atelier::platform
