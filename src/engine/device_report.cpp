#include "engine/device_report.h"

#include <ATen/Version.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>

#include "engine/nn/amx_kernels.h"
#include "engine/tensor/libtorch_version.h"
#include "engine/tensor/torch_compat.h"

namespace atelier::engine {
namespace {

// Reference BLAS reaches 6, OpenBLAS about 90 per core (fp32): anything between is worth a
// sentence.
constexpr double kSgemmGflopsMin = 15;
constexpr int kProbeSide = 1024;

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) {
      const std::size_t colon = line.find(": ");
      return colon == std::string::npos ? "CPU" : line.substr(colon + 2);
    }
  }
  return "CPU";
}

// The files behind BLAS, as this process has really mapped them.
std::vector<std::string> mapped_blas() {
  std::ifstream maps("/proc/self/maps");
  std::vector<std::string> found;
  for (std::string line; std::getline(maps, line);) {
    const std::size_t slash = line.find('/');
    if (slash == std::string::npos) {
      continue;
    }
    const std::string path = line.substr(slash);
    const bool blas =
        path.find("blas") != std::string::npos || path.find("libmkl") != std::string::npos;
    if (blas && std::find(found.begin(), found.end(), path) == found.end()) {
      found.push_back(path);
    }
  }
  return found;
}

double sgemm_gflops() {
  const Tensor left = at::ones({kProbeSide, kProbeSide}),
               right = at::ones({kProbeSide, kProbeSide});
  Tensor product = left.mm(right);  // warms up the threads
  double best = 0;
  for (int i = 0; i < 3; ++i) {
    const auto start = std::chrono::steady_clock::now();
    at::mm_out(product, left, right);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, 2.0 * kProbeSide * kProbeSide * kProbeSide / seconds.count() / 1e9);
  }
  return best;
}

void find_problems(EngineReport& report) {
  if (report.blas.find("pthread") != std::string::npos) {
    report.problems.push_back(
        "the pthread build of OpenBLAS is loaded, whose threads fight libtorch's: install "
        "libopenblas-openmp-dev and "
        "remove libopenblas-pthread-dev");
  }
  const char* policy = std::getenv("OMP_WAIT_POLICY");
  if (policy == nullptr || std::string_view(policy) != "passive") {
    report.problems.push_back(
        "OpenMP's threads spin while they wait, which costs seconds a step on a busy machine: "
        "start with "
        "OMP_WAIT_POLICY=passive");
  }
  if (report.sgemm_gflops < kSgemmGflopsMin) {
    std::ostringstream text;
    text << "matrix products reach only " << static_cast<int>(report.sgemm_gflops)
         << " GFLOP/s: the reference BLAS is in use, or the machine is busy; install "
            "libopenblas-openmp-dev";
    report.problems.push_back(text.str());
  }
}

}  // namespace

int usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
    return CPU_COUNT(&set);
  }
  return std::max(static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)), 1);
}

EngineReport report_cpu(int threads) {
  EngineReport report;
  report.device_name = processor_name();
  report.libtorch = libtorch_version();
  report.threads = threads;
  const bool bf16 = bf16_products_supported();
  report.cpu_capability = amx_supported()                          ? "amx_bf16"
                          : bf16                                   ? "avx512_bf16"
                          : __builtin_cpu_supports("avx512f") != 0 ? "avx512"
                          : __builtin_cpu_supports("avx2") != 0    ? "avx2"
                                                                   : "default";
  report.compute_dtype = bf16 ? "bf16" : "fp32";
  report.sgemm_gflops = sgemm_gflops();
  for (const std::string& path : mapped_blas()) {
    report.blas += (report.blas.empty() ? "" : ", ") + path;
  }
  find_problems(report);
  return report;
}

MemoryReport report_memory() {
  MemoryReport memory;
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    std::int64_t kibibytes = 0;
    words >> name >> kibibytes;
    if (name == "MemTotal:") {
      memory.device_bytes_total = kibibytes * 1024;
    } else if (name == "MemAvailable:") {
      memory.device_bytes_free = kibibytes * 1024;
    }
  }
  return memory;
}

}  // namespace atelier::engine
