// A station whose machine has the GPUs of a stand-in for NVIDIA's management library: the fake
// engine computes on them.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <functional>
#include <thread>

#include "station_process.h"
#include "tests/doubles/fake_nvml.h"

namespace atelier::api {
namespace {

namespace bj = boost::json;

constexpr auto kJob = R"({"prompt":"x","width":64,"height":64,"steps":20})";

class GpusApi : public testing::Test {
 protected:
  StationOptions options(const std::string& lines, const std::string& visible = "") const {
    fake_.set(lines);
    StationOptions options{.fake = "step_ms=20"};
    options.environment = {"ATELIER_NVML=" FAKE_NVML, "ATELIER_FAKE_NVML=" + fake_.file()};
    if (!visible.empty()) options.environment.push_back("CUDA_VISIBLE_DEVICES=" + visible);
    return options;
  }
  static bj::value status_when(const StationProcess& station,
                               const std::function<bool(const bj::value&)>& fits) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    auto now = station.json("/api/v1/status");
    while (!fits(now) && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      now = station.json("/api/v1/status");
    }
    EXPECT_TRUE(fits(now)) << bj::serialize(now);
    return now;
  }
  static bool all_idle(const bj::value& status) {
    for (const auto& worker : status.at("workers").as_array()) {
      if (worker.at("state") != "idle") return false;
    }
    return true;
  }

  FakeNvml fake_;
};

TEST_F(GpusApi, EachGpuHasAWorkerAndALostOneLeavesTheOthersAsTheyAre) {
  const StationProcess station(options("gpus 4\nmemory 1 8192 4096\nprocess 1 4711 512"));
  auto status = status_when(station, all_idle);
  const auto& workers = status.at("workers").as_array();
  ASSERT_EQ(workers.size(), 5U);
  EXPECT_EQ(workers[0].at("name"), "main");
  EXPECT_EQ(workers[3].at("name"), "gpu3");
  EXPECT_EQ(workers[4].at("name"), "light");
  const auto& gpus = status.at("gpus").as_array();
  ASSERT_EQ(gpus.size(), 4U);
  EXPECT_EQ(gpus[0].at("worker"), "main");
  EXPECT_EQ(gpus[1].at("worker"), "gpu1");
  EXPECT_EQ(gpus[1].at("memory_total_mb"), 8192);
  EXPECT_EQ(gpus[1].at("memory_free_mb"), 4096);
  EXPECT_EQ(gpus[1].at("processes").at(0).at("pid"), 4711);
  EXPECT_EQ(gpus[1].at("processes").at(0).at("memory_mb"), 512);
  EXPECT_EQ(gpus[3].at("temperature_c"), 41);
  EXPECT_EQ(status.at("memory_total_mb"), 3 * 24'576 + 8192);
  EXPECT_EQ(status.at("memory_used_mb"), 3 * 576 + 4096);
  EXPECT_EQ(station.json("/metrics").at("gpus").as_array().size(), 4U);

  fake_.set("gpus 4\nfail nvmlDeviceGetHandleByIndex_v2 15 2");
  status = status_when(station, [](const bj::value& now) {
    return !now.at("gpus").at(2).at("problem").as_string().empty();
  });
  EXPECT_TRUE(status.at("gpus").at(2).at("memory_total_mb").is_null());
  EXPECT_EQ(status.at("gpus").at(2).at("worker"), "gpu2");
  EXPECT_EQ(status.at("gpus").at(3).at("problem"), "");
}

TEST_F(GpusApi, AStreamOfJobsSurvivesTheEndOfAWorker) {
  const StationProcess station(options("gpus 4"));
  status_when(station, all_idle);
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) ids.push_back(station.submit(kJob));
  const auto busy = status_when(station, [](const bj::value& now) {
    return std::ranges::all_of(now.at("workers").as_array(), [](const bj::value& worker) {
      return worker.at("name") == "light" || worker.at("state") == "busy";
    });
  });
  ASSERT_EQ(::kill(busy.at("workers").at(1).at("pid").to_number<int>(), SIGKILL), 0);
  int repeated = 0;
  for (const auto& id : ids) {
    const auto job = station.wait_for(id, "succeeded failed");
    EXPECT_EQ(job.at("state"), "succeeded") << bj::serialize(job);
    repeated += job.at("attempt") == 2 ? 1 : 0;
  }
  EXPECT_LE(repeated, 1);
  const auto status = status_when(station, all_idle);
  for (const auto& worker : status.at("workers").as_array()) {
    EXPECT_EQ(worker.at("restarts"), worker.at("name") == "gpu1" ? 1 : 0);
  }
}

TEST_F(GpusApi, TheVariableOfCudaSelectsGpus) {
  const StationProcess station(options("gpus 4", "3,GPU-fa4e0001"));
  const auto status = status_when(station, all_idle);
  ASSERT_EQ(status.at("workers").as_array().size(), 3U);
  ASSERT_EQ(status.at("gpus").as_array().size(), 2U);
  EXPECT_EQ(status.at("gpus").at(0).at("index"), 1);
  EXPECT_EQ(status.at("gpus").at(0).at("worker"), "gpu1");
  EXPECT_EQ(status.at("gpus").at(1).at("index"), 3);
  EXPECT_EQ(status.at("gpus").at(1).at("worker"), "main");
}

TEST_F(GpusApi, AMachineWithoutAGpuStartsAndReportsIt) {
  const StationProcess station(options("gpus 0"));
  const auto status = status_when(station, all_idle);
  EXPECT_EQ(status.at("workers").as_array().size(), 2U);
  EXPECT_TRUE(status.at("gpus").as_array().empty());
  EXPECT_EQ(status.at("gpu_problem"), "NVIDIA's driver lists no GPU");
  EXPECT_EQ(station.wait_for(station.submit(kJob), "succeeded failed").at("state"), "succeeded");
}

TEST_F(GpusApi, ADriverThatHangsStopsNeitherTheQueueNorTheEndOfTheStation) {
  StationProcess station(options("gpus 1"));
  status_when(station, all_idle);
  fake_.set("gpus 1\nhang nvmlDeviceGetMemoryInfo 600000");
  status_when(station, [](const bj::value& now) {
    return now.at("gpu_problem").as_string().find("does not answer") != bj::string::npos;
  });
  EXPECT_EQ(station.wait_for(station.submit(kJob), "succeeded failed").at("state"), "succeeded");
  EXPECT_EQ(station.stop(), 0);
}

}  // namespace
}  // namespace atelier::api
