#include "platform/nvml.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <functional>
#include <span>
#include <string_view>
#include <utility>

#include "platform/system.h"
#include "platform/utf8.h"

namespace atelier::platform {
namespace {

// nvmlReturn_t: the values that are handled apart.
constexpr int kSuccess = 0;
constexpr int kNotSupported = 3;
constexpr int kNoPermission = 4;
constexpr int kDriverNotLoaded = 9;
constexpr int kTimeout = 10;
constexpr int kFunctionNotFound = 13;
constexpr int kGpuIsLost = 15;
constexpr int kResetRequired = 16;
constexpr int kVersionMismatch = 18;  // of the library and the driver

using Device = struct nvmlDevice_st*;  // nvmlDevice_t, opaque

struct MemoryInfo {  // nvmlMemory_t; used: also what the driver reserves
  unsigned long long total, free, used;
};
struct Utilisation {  // nvmlUtilization_t, percent of the last sample
  unsigned gpu, memory;
};

constexpr int kCoreTemperature = 0;          // NVML_TEMPERATURE_GPU
constexpr unsigned long long kNone = ~0ULL;  // NVML_VALUE_NOT_AVAILABLE

// The fields of nvmlProcessInfo_t that are used; sizes of its versions below.
struct ProcessEntry {
  unsigned pid;
  unsigned long long bytes;
};

// Bounds on what the driver may report.
constexpr unsigned kGpusMax = 64;
constexpr unsigned kProcessesMax = 1024;
constexpr std::size_t kTextBytes =
    96;  // the longest of NVML's texts, NVML_DEVICE_UUID_V2_BUFFER_SIZE
constexpr std::size_t kErrorTextMax = 200;
constexpr double kMilliwatts = 1000;  // in a watt

// The entries of the process list have 16, 24 or 32 bytes. The function's version does not say
// which: that of the drivers 535.43 to 535.86 writes 32 bytes under the name _v3, all others 24.
constexpr std::array<std::size_t, 3> kEntryBytes = {16, 24, 32};
constexpr unsigned char kUnwritten = 0xA5;

// The size of an entry, from the extent of what was written for `count` of them; `expected` where
// the driver has written beyond them.
std::size_t entry_bytes(std::span<const unsigned char> buffer, unsigned count,
                        std::size_t expected) {
  std::size_t written = buffer.size();
  while (written > 0 && buffer[written - 1] == kUnwritten) --written;
  for (const auto bytes : kEntryBytes) {
    if (count * bytes >= written) return bytes;
  }
  return expected;
}

// Text of the driver, which need not end or be UTF-8.
std::string driver_text(const std::array<char, kTextBytes>& buffer) {
  return valid_utf8(std::string_view(buffer.data(), ::strnlen(buffer.data(), buffer.size())));
}

}  // namespace

// Those behind the blank line are absent from old drivers.
struct Nvml::Functions {
  int (*init)();
  int (*shutdown)();
  const char* (*error_text)(int);
  int (*count)(unsigned*);
  int (*handle)(unsigned, Device*);
  int (*uuid)(Device, char*, unsigned);
  int (*name)(Device, char*, unsigned);

  int (*driver_version)(char*, unsigned);
  int (*memory)(Device, MemoryInfo*);
  int (*capability)(Device, int*, int*);
  int (*utilisation)(Device, Utilisation*);
  int (*temperature)(Device, int, unsigned*);
  int (*power)(Device, unsigned*);                             // milliwatts
  int (*power_limit)(Device, unsigned*);                       // milliwatts
  std::array<int (*)(Device, unsigned*, void*), 3> processes;  // the newest version first
};

namespace {

// Null where the library does not have it.
template <class Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
}

template <class Function, class... Arguments>
int call(Function function, Arguments... arguments) {
  return function == nullptr ? kFunctionNotFound : function(arguments...);
}

// A reading that the GPU does not have, or not for this user.
bool is_absent(int result) {
  return result == kNotSupported || result == kFunctionNotFound || result == kNoPermission;
}

// The GPU itself has failed.
bool is_fault(int result) {
  return result == kGpuIsLost || result == kResetRequired || result == kTimeout;
}

using ReadProcesses = int (*)(Device, unsigned*, void*);

// One version of the function. -> result
int read_processes(ReadProcesses function, Device device, std::size_t expected_bytes,
                   std::vector<GpuProcess>& processes) {
  std::vector<unsigned char> buffer(kProcessesMax * kEntryBytes.back(), kUnwritten);
  unsigned count = kProcessesMax;
  const int result = call(function, device, &count, static_cast<void*>(buffer.data()));
  if (result != kSuccess || count == 0) return result;
  count = std::min(count, kProcessesMax);
  const auto bytes = entry_bytes(buffer, count, expected_bytes);
  for (unsigned i = 0; i < count; ++i) {
    ProcessEntry entry{};
    std::memcpy(&entry, buffer.data() + i * bytes, sizeof entry);
    auto& process = processes.emplace_back(GpuProcess{.pid = static_cast<int>(entry.pid)});
    if (entry.bytes != kNone) process.bytes = static_cast<std::int64_t>(entry.bytes);
  }
  return kSuccess;
}

int read_processes(const std::array<ReadProcesses, 3>& versions, Device device,
                   std::vector<GpuProcess>& processes) {
  int result = kFunctionNotFound;
  for (std::size_t i = 0; i < versions.size() && result == kFunctionNotFound; ++i) {
    const bool is_oldest = i + 1 == versions.size();
    result = read_processes(versions.at(i), device, kEntryBytes.at(is_oldest ? 0 : 1), processes);
  }
  return result;
}

}  // namespace

Nvml::Nvml(std::string library) : library_(std::move(library)) {}

// The library stays loaded: its destructors are not made for an unload.
Nvml::~Nvml() {
  if (initialised_) functions_->shutdown();
}

bool Nvml::load(GpuReading& reading) {
  void* library = ::dlopen(library_.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = ::dlerror();
    reading.access = GpuAccess::kNoLibrary;
    reading.problem = "NVIDIA's management library cannot be loaded (" +
                      cut(reason == nullptr ? library_ : reason, kErrorTextMax) + ")";
    if (nvidia_driver_loaded()) {
      reading.problem +=
          ", although NVIDIA's driver is: in a container it needs the driver capability 'utility' "
          "(NVIDIA_DRIVER_CAPABILITIES=compute,utility)";
    }
    return false;
  }
  auto functions = std::make_unique<Functions>();
  find(library, "nvmlInit_v2", functions->init);
  find(library, "nvmlShutdown", functions->shutdown);
  find(library, "nvmlErrorString", functions->error_text);
  find(library, "nvmlDeviceGetCount_v2", functions->count);
  find(library, "nvmlDeviceGetHandleByIndex_v2", functions->handle);
  find(library, "nvmlDeviceGetUUID", functions->uuid);
  find(library, "nvmlDeviceGetName", functions->name);
  find(library, "nvmlSystemGetDriverVersion", functions->driver_version);
  find(library, "nvmlDeviceGetMemoryInfo", functions->memory);
  find(library, "nvmlDeviceGetCudaComputeCapability", functions->capability);
  find(library, "nvmlDeviceGetUtilizationRates", functions->utilisation);
  find(library, "nvmlDeviceGetTemperature", functions->temperature);
  find(library, "nvmlDeviceGetPowerUsage", functions->power);
  find(library, "nvmlDeviceGetEnforcedPowerLimit", functions->power_limit);
  find(library, "nvmlDeviceGetComputeRunningProcesses_v3", functions->processes[0]);
  find(library, "nvmlDeviceGetComputeRunningProcesses_v2", functions->processes[1]);
  find(library, "nvmlDeviceGetComputeRunningProcesses", functions->processes[2]);
  const bool complete = functions->init != nullptr && functions->shutdown != nullptr &&
                        functions->error_text != nullptr && functions->count != nullptr &&
                        functions->handle != nullptr && functions->uuid != nullptr &&
                        functions->name != nullptr;
  if (!complete) {
    reading.access = GpuAccess::kFailed;
    reading.problem = "'" + cut(library_, kErrorTextMax) +
                      "' lacks functions of NVIDIA's management library: it is another library, or "
                      "the driver is older than 2013";
    return false;
  }
  functions_ = std::move(functions);
  return true;
}

std::string Nvml::text_of(int failure) const {
  const char* text = functions_->error_text(failure);
  return cut(valid_utf8(text == nullptr ? "" : text), kErrorTextMax) + ", NVML error " +
         std::to_string(failure);
}

bool Nvml::initialise(GpuReading& reading) {
  const int result = functions_->init();
  initialised_ = result == kSuccess;
  if (initialised_) return true;
  reading.access = GpuAccess::kFailed;
  reading.problem = "the GPUs cannot be read (" + text_of(result) + ")";
  if (result == kDriverNotLoaded) {
    reading.access = GpuAccess::kNoDriver;
    reading.problem = "NVIDIA's driver is not loaded (" + text_of(result) + ")";
  } else if (result == kVersionMismatch) {
    reading.access = GpuAccess::kDriverMismatch;
    reading.problem =
        "NVIDIA's driver was updated, and its previous version is still loaded: restart the "
        "machine (" +
        text_of(result) + ")";
  }
  return false;
}

GpuReading Nvml::read() {
  GpuReading reading;
  const auto done = [&reading] {
    reading.taken = std::chrono::steady_clock::now();
    return reading;
  };
  if (functions_ == nullptr && !load(reading)) return done();
  if (!initialised_ && !initialise(reading)) return done();
  unsigned count = 0;
  if (const int result = functions_->count(&count); result != kSuccess) {
    reading.access = GpuAccess::kFailed;
    reading.problem = "the GPUs cannot be counted (" + text_of(result) + ")";
    functions_->shutdown();
    initialised_ = false;  // the next reading begins again
    return done();
  }
  std::array<char, kTextBytes> version{};
  if (call(functions_->driver_version, version.data(), unsigned{kTextBytes}) == kSuccess) {
    reading.driver = driver_text(version);
  }
  if (count == 0) {
    reading.access = GpuAccess::kNoGpu;
    reading.problem = "NVIDIA's driver lists no GPU";
    return done();
  }
  reading.access = GpuAccess::kReady;
  if (count != count_) identities_.clear();  // the indices have other meanings
  count_ = count;
  for (unsigned i = 0; i < std::min(count, kGpusMax); ++i) reading.gpus.push_back(read_gpu(i));
  return done();
}

namespace {

// The queries of one GPU. After a failure no further ones are made: each may take long.
class Queries {
 public:
  using Describe = std::function<std::string(int failure)>;
  Queries(GpuState& state, Describe describe) : state_(state), describe_(std::move(describe)) {}

  // True: the query has succeeded. A failure that is not the GPU's is noted by `what`: some GPUs
  // of notebooks answer with an unknown error for their power.
  template <class Query>
  bool ask(const char* what, const Query& query) {
    return ask(what, query, [](int result) { return is_fault(result); });
  }
  // The same, of what the station needs: every failure but a reading that is absent is a problem.
  template <class Query>
  bool require(const char* what, const Query& query) {
    return ask(what, query, [](int result) { return !is_absent(result); });
  }

 private:
  template <class Query>
  bool ask(const char* what, const Query& query, bool (*is_problem)(int result)) {
    if (!state_.problem.empty()) return false;
    const int result = query();
    if (result == kSuccess) return true;
    if (is_problem(result)) {
      state_.problem = describe_(result);
    } else {
      state_.not_reported.emplace_back(what);
    }
    return false;
  }

  GpuState& state_;
  Describe describe_;
};

}  // namespace

std::string Nvml::failure_of(const GpuState& gpu, int failure) const {
  const auto name =
      "GPU " + std::to_string(gpu.index) + (gpu.name.empty() ? "" : " (" + gpu.name + ")");
  const auto why = " (" + text_of(failure) + ")";
  switch (failure) {
    case kGpuIsLost:
      return name + " is lost" + why +
             ": restart the machine; where it happens again, check the power supply and the slot";
    case kResetRequired:
      return name + " has failed" + why +
             ": reset it (nvidia-smi --gpu-reset) or restart the machine";
    case kNoPermission:
      return name + " cannot be used by this user or in this container" + why;
    default:
      return name + " cannot be read" + why;
  }
}

GpuState Nvml::read_gpu(unsigned index) {
  auto& identity = identities_[index];
  GpuState state{.index = static_cast<int>(index), .uuid = identity.uuid, .name = identity.name};
  Device device = nullptr;
  if (const int result = functions_->handle(index, &device); result != kSuccess) {
    state.problem = failure_of(state, result);
    return state;
  }
  Queries queries(state, [&](int failure) { return failure_of(state, failure); });
  std::array<char, kTextBytes> text{};
  const auto& nvml = *functions_;
  if (queries.require("name", [&] { return nvml.name(device, text.data(), kTextBytes); })) {
    state.name = driver_text(text);
  }
  if (queries.require("identifier", [&] { return nvml.uuid(device, text.data(), kTextBytes); })) {
    state.uuid = driver_text(text);
  }
  identity = {state.uuid, state.name};
  MemoryInfo memory{};
  if (queries.require("memory", [&] { return call(nvml.memory, device, &memory); })) {
    state.memory =
        GpuMemory{static_cast<std::int64_t>(memory.total), static_cast<std::int64_t>(memory.free),
                  static_cast<std::int64_t>(memory.used)};
  }
  queries.ask("processes", [&] { return read_processes(nvml.processes, device, state.processes); });
  Utilisation utilisation{};
  if (queries.ask("utilisation", [&] { return call(nvml.utilisation, device, &utilisation); })) {
    state.busy_percent = static_cast<int>(utilisation.gpu);
  }
  unsigned value = 0;
  if (queries.ask("temperature",
                  [&] { return call(nvml.temperature, device, kCoreTemperature, &value); })) {
    state.temperature_c = static_cast<int>(value);
  }
  if (queries.ask("power", [&] { return call(nvml.power, device, &value); })) {
    state.power_w = value / kMilliwatts;
  }
  if (queries.ask("power limit", [&] { return call(nvml.power_limit, device, &value); })) {
    state.power_limit_w = value / kMilliwatts;
  }
  int major = 0, minor = 0;
  if (queries.ask("compute capability",
                  [&] { return call(nvml.capability, device, &major, &minor); })) {
    state.compute_capability = std::to_string(major) + "." + std::to_string(minor);
  }
  return state;
}

}  // namespace atelier::platform
