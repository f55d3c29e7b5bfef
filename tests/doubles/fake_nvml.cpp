// A stand-in for libnvidia-ml.so.1 with GPUs, readings and faults that a test sets: the text of the
// file that ATELIER_FAKE_NVML names is read again at each call, so that a GPU may fail later.
// Without the variable there is no GPU. Lines of the file:
//   gpus 4                         how many there are
//   memory 1 24576 20000           of GPU 1: MB in all, MB free
//   process 1 4711 512             on GPU 1: process id, MB (-1: not available)
//   entry_bytes 32                 size of an entry of the list of processes
//   fail nvmlInit_v2 9             this function returns 9
//   fail nvmlDeviceGetName 15 2    … for GPU 2 alone
//   hang nvmlDeviceGetName 3000 2  this function takes 3,000 ms, for GPU 2 alone
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int kSuccess = 0, kUninitialised = 1, kInvalid = 2, kTooSmall = 7;
constexpr std::uint64_t kMegabyte = 1 << 20;

std::vector<std::string> lines_of_file() {
  std::vector<std::string> lines;
  const char* path = std::getenv("ATELIER_FAKE_NVML");
  std::ifstream file(path == nullptr ? "" : path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// The numbers behind `words` in the lines that begin with them.
std::vector<std::vector<std::int64_t>> numbers_behind(const std::string& words) {
  std::vector<std::vector<std::int64_t>> found;
  for (const auto& line : lines_of_file()) {
    if (!line.starts_with(words + " ")) continue;
    std::istringstream rest(line.substr(words.size()));
    auto& numbers = found.emplace_back();
    for (std::int64_t number = 0; rest >> number;) numbers.push_back(number);
  }
  return found;
}

std::int64_t number_of(const std::string& name, std::int64_t otherwise) {
  const auto found = numbers_behind(name);
  return found.empty() || found[0].empty() ? otherwise : found[0][0];
}

// The number of a `fail` or `hang` line for the function and the GPU; -1: no GPU.
std::optional<std::int64_t> fault(const std::string& kind, const std::string& function,
                                  std::int64_t gpu) {
  for (const auto& numbers : numbers_behind(kind + " " + function)) {
    if (numbers.size() == 1 || (numbers.size() > 1 && numbers[1] == gpu)) return numbers[0];
  }
  return std::nullopt;
}

std::atomic<bool> initialised = false;

// What every function does first. -> its result, where it is not kSuccess
int begin(const char* function, std::int64_t gpu = -1) {
  if (const auto ms = fault("hang", function, gpu)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(*ms));
  }
  if (const auto code = fault("fail", function, gpu)) return static_cast<int>(*code);
  return initialised || std::strcmp(function, "nvmlInit_v2") == 0 ? kSuccess : kUninitialised;
}

std::int64_t index_of(void* device) { return reinterpret_cast<std::intptr_t>(device) - 1; }

int write_text(const std::string& text, char* to, unsigned room) {
  if (text.size() + 1 > room) return kTooSmall;
  std::memcpy(to, text.c_str(), text.size() + 1);
  return kSuccess;
}

int list_processes(const char* function, void* device, unsigned* count, void* list,
                   std::int64_t entry_bytes) {
  const auto gpu = index_of(device);
  if (const int result = begin(function, gpu); result != kSuccess) return result;
  entry_bytes = number_of("entry_bytes", entry_bytes);
  std::vector<unsigned char> entries;
  unsigned written = 0;
  for (const auto& line : numbers_behind("process " + std::to_string(gpu))) {
    std::vector<unsigned char> entry(static_cast<std::size_t>(entry_bytes));
    const auto pid = static_cast<unsigned>(line.at(0));
    const auto bytes =
        line.at(1) < 0 ? ~std::uint64_t{0} : static_cast<std::uint64_t>(line.at(1)) * kMegabyte;
    std::memcpy(entry.data(), &pid, sizeof pid);
    std::memcpy(entry.data() + 8, &bytes, sizeof bytes);
    if (entry_bytes > 16) std::memset(entry.data() + 16, 0xff, 8);  // no parts of a GPU
    entries.insert(entries.end(), entry.begin(), entry.end());
    ++written;
  }
  const bool fits = written <= *count;
  *count = written;
  if (!fits) return kTooSmall;
  if (written > 0) std::memcpy(list, entries.data(), entries.size());
  return kSuccess;
}

}  // namespace

extern "C" {

struct FakeMemory {
  unsigned long long total, free, used;
};
struct FakeUtilisation {
  unsigned gpu, memory;
};

int nvmlInit_v2() {
  const int result = begin("nvmlInit_v2");
  if (result == kSuccess) initialised = true;
  return result;
}
int nvmlShutdown() {
  initialised = false;
  return kSuccess;
}
const char* nvmlErrorString(int code) {
  return code == 15 ? "GPU is lost" : code == 18 ? "Driver/library version mismatch" : "Failure";
}
int nvmlSystemGetDriverVersion(char* text, unsigned room) {
  const int result = begin("nvmlSystemGetDriverVersion");
  return result != kSuccess ? result : write_text("550.54.15", text, room);
}
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = static_cast<unsigned>(number_of("gpus", 0));
  return begin("nvmlDeviceGetCount_v2");
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  if (index >= number_of("gpus", 0)) return kInvalid;
  *device = reinterpret_cast<void*>(static_cast<std::intptr_t>(index) + 1);
  return begin("nvmlDeviceGetHandleByIndex_v2", index);
}
int nvmlDeviceGetName(void* device, char* text, unsigned room) {
  const int result = begin("nvmlDeviceGetName", index_of(device));
  return result != kSuccess ? result : write_text("NVIDIA Fake 24GB", text, room);
}
int nvmlDeviceGetUUID(void* device, char* text, unsigned room) {
  const int result = begin("nvmlDeviceGetUUID", index_of(device));
  const auto last = std::to_string(index_of(device));
  return result != kSuccess
             ? result
             : write_text("GPU-fa4e000" + last + "-0000-0000-0000-000000000000", text, room);
}
int nvmlDeviceGetMemoryInfo(void* device, FakeMemory* memory) {
  const auto lines = numbers_behind("memory " + std::to_string(index_of(device)));
  const auto total = static_cast<std::uint64_t>(lines.empty() ? 24'576 : lines[0].at(0));
  const auto free = static_cast<std::uint64_t>(lines.empty() ? 24'000 : lines[0].at(1));
  *memory = {total * kMegabyte, free * kMegabyte, (total - free) * kMegabyte};
  return begin("nvmlDeviceGetMemoryInfo", index_of(device));
}
int nvmlDeviceGetUtilizationRates(void* device, FakeUtilisation* utilisation) {
  *utilisation = {37, 5};
  return begin("nvmlDeviceGetUtilizationRates", index_of(device));
}
int nvmlDeviceGetTemperature(void* device, int sensor, unsigned* celsius) {
  *celsius = 41;
  return sensor != 0 ? kInvalid : begin("nvmlDeviceGetTemperature", index_of(device));
}
int nvmlDeviceGetPowerUsage(void* device, unsigned* milliwatts) {
  *milliwatts = 71'500;
  return begin("nvmlDeviceGetPowerUsage", index_of(device));
}
int nvmlDeviceGetEnforcedPowerLimit(void* device, unsigned* milliwatts) {
  *milliwatts = 350'000;
  return begin("nvmlDeviceGetEnforcedPowerLimit", index_of(device));
}
int nvmlDeviceGetCudaComputeCapability(void* device, int* major, int* minor) {
  *major = 8;
  *minor = 9;
  return begin("nvmlDeviceGetCudaComputeCapability", index_of(device));
}
int nvmlDeviceGetComputeRunningProcesses(void* device, unsigned* count, void* list) {
  return list_processes("nvmlDeviceGetComputeRunningProcesses", device, count, list, 16);
}
int nvmlDeviceGetComputeRunningProcesses_v2(void* device, unsigned* count, void* list) {
  return list_processes("nvmlDeviceGetComputeRunningProcesses_v2", device, count, list, 24);
}
int nvmlDeviceGetComputeRunningProcesses_v3(void* device, unsigned* count, void* list) {
  return list_processes("nvmlDeviceGetComputeRunningProcesses_v3", device, count, list, 24);
}
}
