#include "app/workers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atelier::app {
namespace {

using platform::GpuAccess;
using scheduler::WorkerClass;
using scheduler::WorkerOptions;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<std::string> kBoth = {"libatelier-engine-cpu.so", "libatelier-engine-cuda.so"};
const std::vector<std::string> kCpuAlone = {"libatelier-engine-cpu.so"};

platform::GpuReading gpus(int count) {
  platform::GpuReading reading;
  reading.access = count == 0 ? GpuAccess::kNoGpu : GpuAccess::kReady;
  if (count == 0) reading.problem = "NVIDIA's driver lists no GPU";
  for (int i = 0; i < count; ++i) {
    reading.gpus.push_back({.index = i, .uuid = "GPU-" + std::to_string(i), .name = "GPU"});
  }
  return reading;
}

domain::Settings with_engine(const std::string& engine) {
  domain::Settings settings;
  settings.engine = engine;
  return settings;
}

std::vector<WorkerOptions> workers(const domain::Settings& settings,
                                   const platform::GpuReading& reading) {
  return make_workers(settings, kBoth, devices_of(settings, reading), {});
}

auto worker(const std::string& name, WorkerClass worker_class, const std::string& engine,
            const std::string& device) {
  return testing::AllOf(Field("name", &WorkerOptions::name, name),
                        Field("class", &WorkerOptions::worker_class, worker_class),
                        Field("engine", &WorkerOptions::engine, engine),
                        Field("device", &WorkerOptions::device, device));
}

TEST(Workers, GpusAreUsedByTheCudaEngine) {
  EXPECT_FALSE(uses_gpus(with_engine("cpu"), kBoth, true));
  EXPECT_TRUE(uses_gpus(with_engine("cuda"), kBoth, false));
  EXPECT_TRUE(uses_gpus(with_engine("/opt/libatelier-engine-cuda.so"), kBoth, true));
  EXPECT_TRUE(uses_gpus(with_engine("auto"), kBoth, true));
  EXPECT_FALSE(uses_gpus(with_engine("auto"), kBoth, false));
  EXPECT_FALSE(uses_gpus(with_engine("auto"), kCpuAlone, true));
}

TEST(Workers, TheFakeEngineUsesTheGpusOfANamedLibraryAlone) {
  auto settings = with_engine("fake");
  EXPECT_FALSE(uses_gpus(settings, kBoth, true));
  settings.nvml = "/libfake_nvml.so";
  EXPECT_TRUE(uses_gpus(settings, kBoth, false));
}

TEST(Workers, EachGpuHasAMainWorkerAndTheLightOneUsesTheProcessor) {
  EXPECT_THAT(workers(with_engine("cuda"), gpus(3)),
              ElementsAre(worker("main", WorkerClass::kMain, "cuda", "cuda:0"),
                          worker("gpu1", WorkerClass::kMain, "cuda", "cuda:1"),
                          worker("gpu2", WorkerClass::kMain, "cuda", "cuda:2"),
                          worker("light", WorkerClass::kLight, "cpu", "")));
}

TEST(Workers, ALightWorkerOnTheSameEngineSharesTheFirstGpu) {
  auto settings = with_engine("auto");
  settings.light_engine = "cuda";
  settings.cuda_devices = "1";
  EXPECT_THAT(workers(settings, gpus(2)),
              ElementsAre(worker("main", WorkerClass::kMain, "auto", "cuda:0"),
                          worker("light", WorkerClass::kLight, "cuda", "cuda:0")));
}

TEST(Workers, AMachineWithoutAGpuComputesOnItsProcessor) {
  const auto devices = devices_of(with_engine("auto"), gpus(0));
  EXPECT_EQ(devices.engine, "cpu");
  EXPECT_THAT(devices.notices, ElementsAre("NVIDIA's driver lists no GPU: the processor is used"));
  EXPECT_THAT(workers(with_engine("auto"), gpus(0)),
              ElementsAre(worker("main", WorkerClass::kMain, "cpu", ""),
                          worker("light", WorkerClass::kLight, "cpu", "")));
}

TEST(Workers, AReadingHasTheDevicesOfTheWorkers) {
  auto settings = with_engine("cuda");
  settings.cuda_devices = "3,1";
  const auto devices = devices_of(settings, gpus(4));
  EXPECT_THAT(devices.gpus, ElementsAre("GPU-3", "GPU-1"));
  const auto reading = named_devices(gpus(4), devices);
  ASSERT_EQ(reading.gpus.size(), 2U);
  EXPECT_EQ(reading.gpus[0].index, 1);
  EXPECT_EQ(reading.gpus[0].device, "cuda:1");
  EXPECT_EQ(reading.gpus[1].index, 3);
  EXPECT_EQ(reading.gpus[1].device, "cuda:0");
}

TEST(Workers, HiddenGpusAreNotUsed) {
  auto settings = with_engine("auto");
  settings.cuda_devices = "-1";
  const auto devices = devices_of(settings, gpus(2));
  EXPECT_EQ(devices.engine, "cpu");
  EXPECT_THAT(devices.shown, IsEmpty());
  EXPECT_THAT(devices.notices, IsEmpty());
}

TEST(Workers, TheEngineThatIsNamedIsNotReplaced) {
  const auto devices = devices_of(with_engine("cuda"), gpus(0));
  EXPECT_EQ(devices.engine, "cuda");
  EXPECT_THAT(devices.notices, ElementsAre(HasSubstr("one worker is started")));
}

TEST(Workers, WhereTheGpusCannotBeReadCudaChoosesOne) {
  for (const auto access : {GpuAccess::kUnknown, GpuAccess::kNoLibrary, GpuAccess::kFailed}) {
    platform::GpuReading reading;
    reading.access = access;
    reading.problem = access == GpuAccess::kUnknown ? "" : "no library";
    const auto devices = devices_of(with_engine("auto"), reading);
    EXPECT_EQ(devices.engine, "auto");
    EXPECT_THAT(devices.gpus, IsEmpty());
    EXPECT_THAT(devices.notices,
                ElementsAre(HasSubstr(access == GpuAccess::kUnknown ? "within 20 s"
                                                                    : "no library: one worker")));
  }
}

TEST(Workers, ADriverThatCannotWorkLeavesTheProcessor) {
  for (const auto access : {GpuAccess::kNoDriver, GpuAccess::kDriverMismatch}) {
    platform::GpuReading reading;
    reading.access = access;
    reading.problem = "restart the machine";
    EXPECT_EQ(devices_of(with_engine("auto"), reading).engine, "cpu");
  }
}

TEST(Workers, AGpuThatIsLostFromTheStartIsSkippedWithASentence) {
  auto reading = gpus(3);
  reading.gpus[0] = {.index = 0, .uuid = "", .name = "", .problem = "GPU 0 is lost"};
  const auto devices = devices_of(with_engine("cuda"), reading);
  EXPECT_THAT(devices.gpus, ElementsAre("GPU-1", "GPU-2"));
  EXPECT_THAT(devices.shown, ElementsAre(0, 1, 2));
  EXPECT_THAT(devices.notices, ElementsAre(HasSubstr("GPU 0 is lost")));
}

}  // namespace
}  // namespace atelier::app
