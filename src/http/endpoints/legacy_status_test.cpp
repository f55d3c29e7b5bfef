// The status page's endpoints for other machines: with a GPU, without a worker, with a busy one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>

#include "http/endpoints/all_endpoints.h"
#include "http/server.h"
#include "tests/doubles/scheduler_double.h"

namespace atelier::http {
namespace {

namespace bj = boost::json;

class LegacyStatus : public testing::Test {
 protected:
  bj::value get(const std::string& pattern) {
    const auto route = std::ranges::find(routes_, pattern, &Route::pattern);
    if (route == routes_.end()) return nullptr;
    Service service{scheduler_, settings_, routes_};
    const auto outcome = route->function(Request{}, service);
    const auto* response = std::get_if<Response>(&outcome);
    return response == nullptr ? bj::value(nullptr) : bj::parse(response->body);
  }

  SchedulerDouble scheduler_;
  ServerSettings settings_;
  const std::vector<Route> routes_ = all_endpoints();
};

TEST_F(LegacyStatus, AGpuIsListedWithItsMemoryAndItsModels) {
  scheduler::WorkerStatus worker;
  worker.engine = "cuda";
  worker.device = "NVIDIA H100";
  worker.state = "idle";
  worker.libtorch = "2.7.1";
  worker.loaded_models = {{"starter", "Starter", std::int64_t{3} << 30, 1'700'000'000'000}};
  scheduler_.now.workers = {worker};
  scheduler_.now.memory_total_mb = 80'000;
  scheduler_.now.memory_used_mb = 4'000;
  scheduler_.now.ram_bytes_total = std::int64_t{64} << 30;
  scheduler_.now.ram_bytes_used = std::int64_t{16} << 30;
  scheduler_.now.cpu_percent = 12.345;
  scheduler_.now.processors = 16;
  const auto metrics = get("/metrics");
  EXPECT_EQ(metrics.at("device"), "NVIDIA H100");
  EXPECT_EQ(metrics.at("cpu"), 12.3);
  EXPECT_EQ(metrics.at("cpu_details").at("cores"), 16);
  EXPECT_EQ(metrics.at("memory").to_number<double>(), 25.0);
  EXPECT_EQ(metrics.at("memory_details").at("used_gb").to_number<double>(), 16.0);
  EXPECT_EQ(metrics.at("environment").at("platform"), "CUDA");
  EXPECT_EQ(metrics.at("environment").at("accelerator_available"), true);
  EXPECT_EQ(metrics.at("environment").at("torch_version"), "2.7.1");
  const auto& gpu = metrics.at("gpus").at(0);
  EXPECT_EQ(gpu.at("name"), "NVIDIA H100");
  EXPECT_EQ(gpu.at("memory_used"), 4'000);
  EXPECT_EQ(gpu.at("memory_total"), 80'000);
  EXPECT_TRUE(gpu.at("temperature").is_null());  // not measured, so not reported
  const auto& model = metrics.at("loaded_models").at(0);
  EXPECT_EQ(model.at("name"), "Starter");
  EXPECT_EQ(model.at("vram_mb"), 3072);
  EXPECT_EQ(model.at("ram_mb"), 0);
  EXPECT_EQ(model.at("loaded_at"), 1'700'000'000);
}

TEST_F(LegacyStatus, EveryGpuIsARowWithWhatTheDriverReports) {
  scheduler_.now.workers.resize(2);
  for (auto& worker : scheduler_.now.workers) worker.engine = "cuda";
  scheduler_.now.gpus.resize(2);
  auto& first = scheduler_.now.gpus[0].state;
  first.name = "NVIDIA H100";
  first.memory =
      platform::GpuMemory{std::int64_t{80} << 30, std::int64_t{60} << 30, std::int64_t{20} << 30};
  first.busy_percent = 37;
  first.temperature_c = 41;
  scheduler_.now.gpus[1].state.index = 3;
  const auto gpus = get("/metrics").at("gpus").as_array();
  ASSERT_EQ(gpus.size(), 2U);
  EXPECT_EQ(gpus[0].at("id"), 0);
  EXPECT_EQ(gpus[0].at("name"), "NVIDIA H100");
  EXPECT_EQ(gpus[0].at("memory_total"), 81'920);
  EXPECT_EQ(gpus[0].at("memory_used"), 20'480);
  EXPECT_EQ(gpus[0].at("load").to_number<double>(), 37);
  EXPECT_EQ(gpus[0].at("temperature").to_number<double>(), 41);
  EXPECT_EQ(gpus[1].at("id"), 3);
  EXPECT_EQ(gpus[1].at("memory_total"), 0);
  EXPECT_TRUE(gpus[1].at("load").is_null());
}

TEST_F(LegacyStatus, StatsCountWorkersThatCanWork) {
  EXPECT_EQ(get("/v1/stats").at("status"), "stopped");
  scheduler_.now.workers.resize(1);
  for (const auto& [state, workers, status] : {std::tuple{"starting", 0, "running"},
                                               {"idle", 1, "running"},
                                               {"busy", 1, "running"},
                                               {"lost", 0, "running"},
                                               {"missing", 0, "stopped"}}) {
    scheduler_.now.workers.front().state = state;
    EXPECT_EQ(get("/v1/stats").at("workers"), workers) << state;
    EXPECT_EQ(get("/v1/stats").at("status"), status) << state;
  }
  EXPECT_TRUE(get("/v1/stats").at("default_timeout").is_null());  // calls wait for their job
  settings_.limits.job_wait = std::chrono::milliseconds{1500};
  EXPECT_EQ(get("/v1/stats").at("default_timeout"), 1.5);
}

TEST_F(LegacyStatus, AFreshStationHasNoNumbersYetAndDividesByNone) {
  const auto metrics = get("/metrics");
  EXPECT_EQ(metrics.at("memory").to_number<double>(), 0.0);
  EXPECT_EQ(metrics.at("device"), "cpu");
  EXPECT_TRUE(metrics.at("loaded_models").as_array().empty());
}

}  // namespace
}  // namespace atelier::http
