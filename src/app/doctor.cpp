// `atelier doctor`: what this machine has, what is wrong, and what to do about it.
#include <sys/statvfs.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/commands.h"
#include "app/job_client.h"
#include "app/paths.h"
#include "app/station.h"
#include "app/workers.h"
#include "domain/settings/limits.h"
#include "platform/error.h"
#include "platform/gpu_reader.h"
#include "platform/log.h"
#include "platform/system.h"
#include "protocol/messages.h"

namespace atelier::app {
namespace {

constexpr double kGigabyte = 1e9;
constexpr double kDiskFreeMin = 5 * kGigabyte;  // one SDXL model, or a few thousand pictures
constexpr double kMemoryMin = 4 * kGigabyte;

class Report {
 public:
  void line(const std::string& name, const std::string& value) {
    std::printf("%-10s %s\n", name.c_str(), platform::without_control_characters(value).c_str());
  }
  void problem(const std::string& sentence) { problems_.push_back(sentence); }

  int finish() const {
    if (problems_.empty()) {
      std::printf("\nAll is well.\n");
      return 0;
    }
    std::printf("\nWhat is wrong:\n");
    for (const auto& sentence : problems_) {
      std::printf("- %s\n", platform::without_control_characters(sentence).c_str());
    }
    return 1;
  }

 private:
  std::vector<std::string> problems_;
};

std::string gigabytes(double bytes) {
  std::string text = std::to_string(bytes / kGigabyte);
  return text.substr(0, text.find('.') + 2) + " GB";
}

std::string listed(const std::vector<std::string>& names) {
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : ", ") + name;
  return list.empty() ? "none" : list;
}

std::string processor_features() {
  std::ifstream file("/proc/cpuinfo");
  std::string flags;
  for (std::string text; std::getline(file, text);) {
    if (text.starts_with("flags") || text.starts_with("Features")) {
      flags = text + " ";
      break;
    }
  }
  std::string found;
  for (const std::string name : {"avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd"}) {
    if (flags.find(" " + name + " ") != std::string::npos) found += " " + name;
  }
  return found.empty() ? " (none of those that matter)" : found;
}

void examine_machine(Report& report) {
  report.line("processor", platform::processor_name() + ", " +
                               std::to_string(platform::usable_processors()) + " usable," +
                               processor_features());
  const auto memory = platform::machine_memory();
  const auto total = static_cast<double>(memory.total_bytes);
  report.line("memory", gigabytes(total) + ", " +
                            gigabytes(static_cast<double>(memory.available_bytes)) + " available");
  if (total < kMemoryMin) {
    report.problem("there are only " + gigabytes(total) +
                   " of memory: the starter model works, published models will not fit");
  }
}

void examine_disk(Report& report, const domain::Settings& settings) {
  struct statvfs disk{};
  if (::statvfs(settings.home.c_str(), &disk) != 0) {
    return report.problem("the home folder '" + settings.home + "' cannot be read");
  }
  const auto free = static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize);
  report.line("disk", gigabytes(free) + " free in " + settings.home);
  if (free < kDiskFreeMin) {
    report.problem("only " + gigabytes(free) + " are free in " + settings.home +
                   ": free some, or name a folder on another disk with ATELIER_HOME");
  }
}

std::string readings_of(const platform::GpuState& gpu) {
  std::string text = gpu.name.empty() ? "not known" : gpu.name;
  if (!gpu.compute_capability.empty()) text += ", compute capability " + gpu.compute_capability;
  if (gpu.memory) {
    text += ", " + gigabytes(static_cast<double>(gpu.memory->bytes_total)) + ", " +
            gigabytes(static_cast<double>(gpu.memory->bytes_free)) + " free";
  }
  if (gpu.busy_percent) text += ", " + std::to_string(*gpu.busy_percent) + " % busy";
  if (gpu.temperature_c) text += ", " + std::to_string(*gpu.temperature_c) + " °C";
  if (!gpu.not_reported.empty()) text += " (does not report " + listed(gpu.not_reported) + ")";
  return text;
}

// What the workers of these settings are to compute on.
WorkerDevices examine_gpus(Report& report, const domain::Settings& settings,
                           const std::vector<std::string>& libraries) {
  const bool driver_loaded = platform::nvidia_driver_loaded();
  const auto reading =
      platform::GpuReader(reader_options(settings)).wait(domain::limits::kGpusPatience);
  const bool used = uses_gpus(settings, libraries, driver_loaded);
  auto devices = used ? devices_of(settings, reading) : WorkerDevices{.engine = settings.engine};
  for (const auto& notice : devices.notices) report.problem(notice);
  for (const auto& gpu : reading.gpus) {
    const bool shown = std::ranges::find(devices.shown, gpu.index) != devices.shown.end();
    report.line(
        "GPU " + std::to_string(gpu.index),
        readings_of(gpu) + (used && !shown ? " (not to be used: CUDA_VISIBLE_DEVICES)" : ""));
    if (!gpu.problem.empty() && !gpu.uuid.empty()) report.problem(gpu.problem);
  }
  if (!reading.driver.empty()) report.line("", "NVIDIA's driver " + reading.driver);
  if (reading.gpus.empty()) {
    report.line("GPU", driver_loaded && !reading.problem.empty()
                           ? reading.problem
                           : "none that NVIDIA's driver knows");
  }
  const bool built = std::ranges::find(libraries, "libatelier-engine-cuda.so") != libraries.end();
  if (!reading.gpus.empty() && !built && settings.engine != "fake") {
    report.problem("there is a GPU, but no engine for it: build one with `make run CUDA=1`");
  }
  return devices;
}

// Starts a child and reads its hello; empty on failure, which is added to the report as a problem.
std::optional<protocol::HelloReply> ask_for_hello(Report& report, const std::string& name,
                                                  const scheduler::LaunchChild& launch) {
  constexpr std::int64_t kId = 1;
  scheduler::Child child(launch);
  protocol::HelloReply hello;
  const auto answer = child.exchange(
      protocol::request_frame(kId, protocol::HelloRequest{}), kId,
      protocol::Channel::Clock::now() + domain::limits::kGreetingPatience,
      [&](const protocol::Message& reply) { hello = reply.body_as<protocol::HelloReply>(); });
  if (!answer.child_ended && !answer.refusal) return hello;
  report.problem(answer.refusal
                     ? std::string(answer.refusal->what())
                     : "the " + name + " " + child.describe_end() + " before it sent its hello");
  return std::nullopt;
}

void examine_worker(Report& report, const std::string& name,
                    const scheduler::WorkerOptions& worker) {
  const auto answer = ask_for_hello(report, name, worker.launch);
  if (!answer) return;
  const auto& hello = *answer;
  if (!hello.problem.empty()) report.problem(hello.problem);
  if (!hello.engine) return;
  const auto& engine = *hello.engine;
  report.line("engine", engine.name + " on " + engine.device_name + ", " +
                            std::to_string(engine.threads) + " threads, " + engine.compute_dtype +
                            " " + engine.cpu_capability);
  report.line("libtorch", engine.libtorch.empty() ? "not used" : engine.libtorch);
  report.line("BLAS",
              engine.blas.empty()
                  ? "not used"
                  : engine.blas + ", " + std::to_string(int(engine.sgemm_gflops)) + " GFLOP/s");
  for (const auto& sentence : engine.problems) report.problem(sentence);
}

// One that has another engine than the main ones.
void examine_light_worker(Report& report, const scheduler::WorkerOptions& worker) {
  const auto answer = ask_for_hello(report, "light worker", worker.launch);
  if (!answer) return;
  if (!answer->problem.empty()) report.problem("the light worker: " + answer->problem);
  if (answer->engine) report.line("light", answer->engine->name);
}

void examine_decoder(Report& report) {
  const auto answer = ask_for_hello(report, "picture decoder", decoder_launcher());
  if (!answer) return;
  const auto& hello = *answer;
  report.line("decoder", "sandboxed by " + listed(hello.sandbox));
  std::vector<std::string> absent;
  for (const char* measure : {"user_namespace", "network_namespace", "landlock"}) {
    if (std::ranges::find(hello.sandbox, measure) == hello.sandbox.end()) {
      absent.emplace_back(measure);
    }
  }
  if (!absent.empty()) {
    report.line("", "without " + listed(absent) + ", which this system does not allow here");
  }
  if (!hello.problem.empty()) report.problem(hello.problem);
}

void examine_models(Report& report, const domain::Settings& settings) {
  int usable = 0;
  for (const auto& model : open_local_job_client(settings)->models()) {
    usable += model.problem.empty() ? 1 : 0;
    report.line("model", model.id + (model.problem.empty() ? "" : " (unusable)"));
    if (!model.problem.empty()) {
      report.problem("model '" + model.id + "' cannot be used: " + model.problem);
    }
  }
  if (usable == 0) {
    report.problem("no installed model can generate pictures: put one into " +
                   settings.models_folder() + "/checkpoints or /diffusers");
  }
}

}  // namespace

int doctor(const domain::Settings& settings) {
  Report report;
  const auto libraries = engine_libraries();
  for (const auto& sentence : settings.problems) report.problem(sentence);
  examine_machine(report);
  examine_disk(report, settings);
  const auto devices = examine_gpus(report, settings, libraries);
  report.line("engines", listed(libraries));
  if (libraries.empty() && settings.engine != "fake") {
    report.problem("there is no engine library beside the program: build it with `make build`");
  }
  for (const auto& worker : make_workers(settings, libraries, devices, {.light = true})) {
    if (worker.worker_class == scheduler::WorkerClass::kMain) {
      examine_worker(report, "worker '" + worker.name + "'", worker);
    } else if (worker.engine != devices.engine) {
      examine_light_worker(report, worker);
    }
  }
  if (settings.light_engine == "off") report.line("light", "no light worker");
  examine_decoder(report);
  examine_models(report, settings);
  const auto station = find_station(settings);
  report.line("station", station ? station->place() : "not running on " + settings.home);
  return report.finish();
}

}  // namespace atelier::app
