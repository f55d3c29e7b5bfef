#include "platform/nvml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/doubles/fake_nvml.h"

namespace atelier::platform {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kMegabyte = 1 << 20;

class NvmlTest : public testing::Test {
 protected:
  GpuReading read(const std::string& lines) {
    fake_.set(lines);
    return nvml_.read();
  }

  FakeNvml fake_;
  Nvml nvml_{FAKE_NVML};
};

TEST(Nvml, AMachineWithoutTheLibraryHasNoGpu) {
  const auto reading = Nvml("libno-such-nvml.so.1").read();
  EXPECT_EQ(reading.access, GpuAccess::kNoLibrary);
  EXPECT_THAT(reading.problem, HasSubstr("libno-such-nvml.so.1"));
  EXPECT_THAT(reading.gpus, IsEmpty());
}

TEST(Nvml, AnotherLibraryIsNotTakenForIt) {
  const auto reading = Nvml("libc.so.6").read();
  EXPECT_EQ(reading.access, GpuAccess::kFailed);
  EXPECT_THAT(reading.problem, HasSubstr("'libc.so.6' lacks functions"));
}

TEST_F(NvmlTest, NoGpuIsANormalState) {
  const auto reading = read("gpus 0");
  EXPECT_EQ(reading.access, GpuAccess::kNoGpu);
  EXPECT_EQ(reading.driver, "550.54.15");
  EXPECT_THAT(reading.gpus, IsEmpty());
}

TEST_F(NvmlTest, AllReadingsOfAGpu) {
  const auto reading = read("gpus 1\nmemory 0 8192 2048\nprocess 0 4711 512\nprocess 0 12 -1");
  EXPECT_EQ(reading.access, GpuAccess::kReady);
  EXPECT_EQ(reading.problem, "");
  ASSERT_EQ(reading.gpus.size(), 1U);
  const auto& gpu = reading.gpus[0];
  EXPECT_EQ(gpu.index, 0);
  EXPECT_EQ(gpu.uuid, "GPU-fa4e0000-0000-0000-0000-000000000000");
  EXPECT_EQ(gpu.name, "NVIDIA Fake 24GB");
  EXPECT_EQ(gpu.compute_capability, "8.9");
  EXPECT_EQ(gpu.memory.value().bytes_total, 8192 * kMegabyte);
  EXPECT_EQ(gpu.memory.value().bytes_free, 2048 * kMegabyte);
  EXPECT_EQ(gpu.memory.value().bytes_used, 6144 * kMegabyte);
  EXPECT_EQ(gpu.busy_percent, 37);
  EXPECT_EQ(gpu.temperature_c, 41);
  EXPECT_EQ(gpu.power_w, 71.5);
  EXPECT_EQ(gpu.power_limit_w, 350);
  ASSERT_EQ(gpu.processes.size(), 2U);
  EXPECT_EQ(gpu.processes[0].pid, 4711);
  EXPECT_EQ(gpu.processes[0].bytes, 512 * kMegabyte);
  EXPECT_EQ(gpu.processes[1].pid, 12);
  EXPECT_EQ(gpu.processes[1].bytes, std::nullopt);
  EXPECT_THAT(gpu.not_reported, IsEmpty());
  EXPECT_EQ(gpu.problem, "");
}

TEST_F(NvmlTest, ADriverThatIsNotLoadedAndOneOfAnotherVersionAreDistinguished) {
  const auto no_driver = read("gpus 1\nfail nvmlInit_v2 9");
  EXPECT_EQ(no_driver.access, GpuAccess::kNoDriver);
  EXPECT_THAT(no_driver.problem, HasSubstr("not loaded"));
  const auto mismatch = read("gpus 1\nfail nvmlInit_v2 18");
  EXPECT_EQ(mismatch.access, GpuAccess::kDriverMismatch);
  EXPECT_THAT(mismatch.problem, HasSubstr("restart the machine"));
  const auto other = read("gpus 1\nfail nvmlInit_v2 999");
  EXPECT_EQ(other.access, GpuAccess::kFailed);
  EXPECT_THAT(other.problem, HasSubstr("NVML error 999"));
  EXPECT_EQ(read("gpus 1").access, GpuAccess::kReady);  // each reading tries again
}

TEST_F(NvmlTest, GpusThatCannotBeCountedAreReadAgainFromTheStart) {
  EXPECT_EQ(read("gpus 1").access, GpuAccess::kReady);
  const auto failed = read("gpus 1\nfail nvmlDeviceGetCount_v2 1");
  EXPECT_EQ(failed.access, GpuAccess::kFailed);
  EXPECT_THAT(failed.problem, HasSubstr("cannot be counted"));
  EXPECT_EQ(read("gpus 1").access, GpuAccess::kReady);
}

TEST_F(NvmlTest, ALostGpuKeepsItsNameAndLeavesTheOthersAsTheyAre) {
  ASSERT_EQ(read("gpus 4").gpus.size(), 4U);
  const auto reading = read("gpus 4\nfail nvmlDeviceGetHandleByIndex_v2 15 2");
  EXPECT_EQ(reading.access, GpuAccess::kReady);
  ASSERT_EQ(reading.gpus.size(), 4U);
  for (const auto& gpu : reading.gpus) {
    EXPECT_EQ(gpu.uuid, "GPU-fa4e000" + std::to_string(gpu.index) + "-0000-0000-0000-000000000000");
    EXPECT_EQ(gpu.memory.has_value(), gpu.index != 2);
    EXPECT_EQ(gpu.problem.empty(), gpu.index != 2);
  }
  EXPECT_THAT(reading.gpus[2].problem, HasSubstr("GPU 2 (NVIDIA Fake 24GB) is lost"));
}

TEST_F(NvmlTest, AGpuThatIsLostFromTheStartHasNoName) {
  const auto reading = read("gpus 2\nfail nvmlDeviceGetHandleByIndex_v2 15 0");
  EXPECT_EQ(reading.gpus.at(0).uuid, "");
  EXPECT_THAT(reading.gpus.at(0).problem, HasSubstr("GPU 0 is lost"));
  EXPECT_NE(reading.gpus.at(1).uuid, "");
}

TEST_F(NvmlTest, AGpuThatFailsInTheMiddleIsNotQueriedFurther) {
  const auto reading =
      read("gpus 2\nfail nvmlDeviceGetMemoryInfo 15 1\nfail nvmlDeviceGetPowerUsage 999 1");
  EXPECT_EQ(reading.gpus.at(0).problem, "");
  EXPECT_THAT(reading.gpus.at(1).problem, HasSubstr("is lost"));
  EXPECT_EQ(reading.gpus.at(1).memory, std::nullopt);
  EXPECT_EQ(reading.gpus.at(1).temperature_c, std::nullopt);
}

TEST_F(NvmlTest, AReadingThatTheGpuDoesNotHaveIsAbsentAndNamed) {
  const auto reading = read(
      "gpus 1\nfail nvmlDeviceGetPowerUsage 3\nfail nvmlDeviceGetMemoryInfo 3\n"
      "fail nvmlDeviceGetUtilizationRates 4");
  const auto& gpu = reading.gpus.at(0);
  EXPECT_EQ(gpu.problem, "");
  EXPECT_EQ(gpu.memory, std::nullopt);
  EXPECT_EQ(gpu.power_w, std::nullopt);
  EXPECT_EQ(gpu.busy_percent, std::nullopt);
  EXPECT_EQ(gpu.temperature_c, 41);
  EXPECT_THAT(gpu.not_reported, ElementsAre("memory", "utilisation", "power"));
}

TEST_F(NvmlTest, AFailureOfAReadingThatIsNotNeededIsNotAProblemOfTheGpu) {
  const auto reading = read(
      "gpus 1\nfail nvmlDeviceGetPowerUsage 999\nfail nvmlDeviceGetComputeRunningProcesses_v3 7");
  const auto& gpu = reading.gpus.at(0);
  EXPECT_EQ(gpu.problem, "");
  EXPECT_THAT(gpu.not_reported, ElementsAre("processes", "power"));
  EXPECT_THAT(read("gpus 1\nfail nvmlDeviceGetMemoryInfo 999").gpus.at(0).problem,
              HasSubstr("GPU 0 (NVIDIA Fake 24GB) cannot be read (Failure, NVML error 999)"));
}

// The drivers 535.43 to 535.86 list processes in entries of 32 bytes.
TEST_F(NvmlTest, ProcessesAreReadWithEntriesOfEverySize) {
  const std::string processes = "gpus 1\nprocess 0 7 1\nprocess 0 8 2\nprocess 0 9 3\n";
  for (const std::string size : {"16", "24", "32"}) {
    const auto reading = read(processes + "entry_bytes " + size);
    const auto& found = reading.gpus.at(0).processes;
    ASSERT_EQ(found.size(), 3U) << size;
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(found[static_cast<std::size_t>(i)].pid, 7 + i) << size;
      EXPECT_EQ(found[static_cast<std::size_t>(i)].bytes, (i + 1) * kMegabyte) << size;
    }
  }
}

TEST_F(NvmlTest, OldDriversListProcessesToo) {
  const std::string old =
      "gpus 1\nprocess 0 7 1\nprocess 0 8 2\n"
      "fail nvmlDeviceGetComputeRunningProcesses_v3 13\n";
  EXPECT_EQ(read(old).gpus.at(0).processes.size(), 2U);
  const auto oldest = read(old + "fail nvmlDeviceGetComputeRunningProcesses_v2 13");
  ASSERT_EQ(oldest.gpus.at(0).processes.size(), 2U);
  EXPECT_EQ(oldest.gpus.at(0).processes[1].pid, 8);
  EXPECT_EQ(oldest.gpus.at(0).processes[1].bytes, 2 * kMegabyte);
}

TEST_F(NvmlTest, ManyProcessesAreListed) {
  std::string lines = "gpus 1\n";
  for (int i = 1; i <= 500; ++i) lines += "process 0 " + std::to_string(i) + " 1\n";
  EXPECT_EQ(read(lines).gpus.at(0).processes.size(), 500U);
}

}  // namespace
}  // namespace atelier::platform
