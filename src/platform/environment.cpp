#include "platform/environment.h"

#include <algorithm>

namespace atelier::platform {
namespace {

constexpr std::string_view kInherited[] = {
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR",
    // where libraries lie, and how the dynamic linker and the allocator behave
    "LD_LIBRARY_PATH", "LD_PRELOAD", "GLIBC_TUNABLES",
    // switches of the engine
    "ATELIER_AMX"};

constexpr std::string_view kInheritedBeginnings[] = {
    "LC_", "MALLOC_",
    // numbers of threads and choices of kernels of the mathematical libraries
    "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "DNNL_", "ONEDNN_", "ATEN_",
    // devices
    "CUDA_", "NVIDIA_", "CUBLAS_", "CUDNN_", "PYTORCH_", "TORCH_",
    // sanitizers
    "ASAN_", "LSAN_", "TSAN_", "UBSAN_",
    // tests of the decoder
    "ATELIER_MEDIA_TEST_"};

}  // namespace

bool children_inherit(std::string_view name) {
  return std::ranges::find(kInherited, name) != std::end(kInherited) ||
         std::ranges::any_of(kInheritedBeginnings, [name](std::string_view beginning) {
           return name.starts_with(beginning);
         });
}

std::vector<std::string> child_environment(const char* const* parent,
                                           const std::map<std::string, std::string>& additions) {
  std::vector<std::string> result;
  for (; *parent != nullptr; ++parent) {
    const std::string entry = *parent;
    const std::string name = entry.substr(0, entry.find('='));
    if (children_inherit(name) && !additions.contains(name)) result.push_back(entry);
  }
  for (const auto& [name, value] : additions) result.push_back(name + "=" + value);
  return result;
}

}  // namespace atelier::platform
