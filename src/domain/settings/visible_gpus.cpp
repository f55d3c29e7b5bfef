#include "domain/settings/visible_gpus.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>
#include <string_view>

#include "platform/utf8.h"

namespace atelier::domain {
namespace {

using platform::GpuState;

constexpr std::string_view kPart = "MIG-";

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// Null: it names none, or begins the uuids of several.
const GpuState* named_by(const std::string& entry, std::span<const GpuState> gpus) {
  int index = 0;
  const auto [end, error] = std::from_chars(entry.data(), entry.data() + entry.size(), index);
  const bool is_index = error == std::errc{} && end == entry.data() + entry.size();
  const GpuState* found = nullptr;
  for (const auto& gpu : gpus) {
    const bool fits = is_index ? gpu.index == index : !entry.empty() && gpu.uuid.starts_with(entry);
    if (!fits) continue;
    if (found != nullptr) return nullptr;
    found = &gpu;
  }
  return found;
}

void add(const GpuState& gpu, VisibleGpus& visible) {
  if (std::ranges::find(visible.indices, gpu.index) != visible.indices.end()) return;
  visible.indices.push_back(gpu.index);
  if (!gpu.uuid.empty()) return visible.devices.push_back(gpu.uuid);
  visible.problems.push_back(
      (gpu.problem.empty() ? "GPU " + std::to_string(gpu.index) + " has no uuid" : gpu.problem) +
      "; it is not used until the station is started again");
}

}  // namespace

VisibleGpus visible_gpus(const std::string& setting, std::span<const GpuState> gpus) {
  VisibleGpus visible;
  if (setting.empty()) {
    for (const auto& gpu : gpus) add(gpu, visible);
    return visible;
  }
  std::istringstream list(setting);
  for (std::string part; std::getline(list, part, ',');) {
    const auto entry = trimmed(part);
    if (entry.starts_with(kPart)) {
      visible.devices.push_back(entry);
      continue;
    }
    const auto* gpu = named_by(entry, gpus);
    if (gpu == nullptr) {
      if (entry == "-1") break;
      visible.problems.push_back("CUDA_VISIBLE_DEVICES: there is no GPU '" +
                                 platform::cut(entry, 60) +
                                 "': it and the entries behind it are not used");
      break;
    }
    add(*gpu, visible);
  }
  return visible;
}

}  // namespace atelier::domain
