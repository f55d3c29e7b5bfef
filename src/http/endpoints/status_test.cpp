// GET /api/v1/status for machines with GPUs.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>

#include "http/endpoints/all_endpoints.h"
#include "http/server.h"
#include "tests/doubles/scheduler_double.h"

namespace atelier::http {
namespace {

boost::json::value status_of(scheduler::StationStatus now) {
  SchedulerDouble scheduler;
  scheduler.now = std::move(now);
  const ServerSettings settings;
  const auto routes = all_endpoints();
  const auto route = std::ranges::find(routes, "/api/v1/status", &Route::pattern);
  if (route == routes.end()) return nullptr;
  Service service{scheduler, settings, routes};
  const auto outcome = route->function(Request{}, service);
  return boost::json::parse(std::get<Response>(outcome).body);
}

TEST(Status, EveryGpuHasItsReadingsAndItsWorker) {
  scheduler::StationStatus now;
  auto& [gpu, worker] = now.gpus.emplace_back();
  worker = "gpu1";
  gpu = {.index = 1, .uuid = "GPU-1", .name = "NVIDIA H100", .device = "cuda:1"};
  gpu.memory =
      platform::GpuMemory{std::int64_t{80} << 30, std::int64_t{60} << 30, std::int64_t{20} << 30};
  gpu.temperature_c = 41;
  gpu.power_w = 71.5;
  gpu.processes = {{.pid = 4711, .bytes = std::int64_t{512} << 20}, {.pid = 12}};
  gpu.not_reported = {"power limit"};
  now.gpu_problem = "the state of the GPUs is 12 s old";
  const auto status = status_of(now);
  EXPECT_EQ(status.at("gpu_problem"), "the state of the GPUs is 12 s old");
  const auto& row = status.at("gpus").at(0);
  EXPECT_EQ(row.at("index"), 1);
  EXPECT_EQ(row.at("uuid"), "GPU-1");
  EXPECT_EQ(row.at("name"), "NVIDIA H100");
  EXPECT_EQ(row.at("device"), "cuda:1");
  EXPECT_EQ(row.at("worker"), "gpu1");
  EXPECT_EQ(row.at("memory_total_mb"), 81'920);
  EXPECT_EQ(row.at("memory_used_mb"), 20'480);
  EXPECT_EQ(row.at("memory_free_mb"), 61'440);
  EXPECT_EQ(row.at("temperature_c"), 41);
  EXPECT_EQ(row.at("power_w").to_number<double>(), 71.5);
  EXPECT_TRUE(row.at("busy_percent").is_null());
  EXPECT_EQ(row.at("processes").at(0).at("pid"), 4711);
  EXPECT_EQ(row.at("processes").at(0).at("memory_mb"), 512);
  EXPECT_TRUE(row.at("processes").at(1).at("memory_mb").is_null());
  EXPECT_EQ(row.at("not_reported").at(0), "power limit");
}

TEST(Status, AMachineWithoutAGpuHasNoRows) {
  const auto status = status_of({});
  EXPECT_TRUE(status.at("gpus").as_array().empty());
  EXPECT_EQ(status.at("gpu_problem"), "");
}

}  // namespace
}  // namespace atelier::http
