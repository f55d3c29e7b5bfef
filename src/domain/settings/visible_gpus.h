// Which of the machine's GPUs the station may use, by the setting engine.cuda_devices
// (CUDA_VISIBLE_DEVICES). The rules are those of CUDA: a list of indices or beginnings of uuids; an
// entry that names no GPU ends the list, "-1" hides all. An index counts in the order of PCI
// addresses, as `nvidia-smi` does, while CUDA itself would count the fastest first where the
// machine has unequal GPUs. Pure functions, any thread; nothing fails.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "platform/gpu.h"

namespace atelier::domain {

struct VisibleGpus {
  // Values of CUDA_VISIBLE_DEVICES that select one device each: a GPU's uuid, or a part of a GPU
  // ("MIG-…") as it was given. Without GPUs that have no uuid: CUDA cannot select them.
  std::vector<std::string> devices;
  std::vector<int> indices;  // of the GPUs that are visible, whole or in part, with or without uuid
  std::vector<std::string> problems;  // sentences: entries that name no GPU, GPUs without uuid
};

VisibleGpus visible_gpus(const std::string& setting, std::span<const platform::GpuState> gpus);

}  // namespace atelier::domain
