#include "platform/gpu_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "tests/doubles/fake_nvml.h"

namespace atelier::platform {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::chrono::seconds kPatience{60};  // generous: sanitizers on a busy machine

GpuReaderOptions often() {
  return {.library = FAKE_NVML, .period = 5ms, .period_without_gpus = 5ms};
}

GpuReading wait_for(const GpuReader& reader, const std::function<bool(const GpuReading&)>& fits) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!fits(reader.reading()) && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(fits(reader.reading()));
  return reader.reading();
}

TEST(GpuReader, KeepsTheReadingUpToDate) {
  const FakeNvml fake;
  fake.set("gpus 4\nmemory 1 8192 8000");
  const GpuReader reader(often());
  EXPECT_EQ(reader.wait(kPatience).gpus.size(), 4U);
  fake.set("gpus 4\nmemory 1 8192 2000");
  const auto now = wait_for(reader, [](const GpuReading& reading) {
    return reading.gpus.at(1).memory.value().bytes_free == std::int64_t{2000} << 20;
  });
  EXPECT_EQ(stale(now, now.taken), "");
  fake.set("gpus 4\nfail nvmlDeviceGetHandleByIndex_v2 15 3");
  wait_for(reader, [](const GpuReading& reading) { return !reading.gpus.at(3).problem.empty(); });
}

TEST(GpuReader, FindsADriverThatIsLoadedLater) {
  const FakeNvml fake;
  fake.set("gpus 1\nfail nvmlInit_v2 9");
  const GpuReader reader(often());
  EXPECT_EQ(reader.wait(kPatience).access, GpuAccess::kNoDriver);
  fake.set("gpus 1");
  wait_for(reader, [](const GpuReading& reading) { return reading.access == GpuAccess::kReady; });
}

TEST(GpuReader, ACallThatHangsMakesTheReadingOldAndHoldsUpNothing) {
  const FakeNvml fake;
  fake.set("gpus 1");
  auto options = often();
  options.stop_patience = 10ms;
  const auto start = std::chrono::steady_clock::now();
  {
    const GpuReader reader(options);
    const auto first = reader.wait(kPatience);
    ASSERT_EQ(first.access, GpuAccess::kReady);
    fake.set("gpus 1\nhang nvmlDeviceGetMemoryInfo 20000");
    // The reading is the last complete one once a call hangs.
    const auto last = wait_for(reader, [](const GpuReading& reading) {
      return std::chrono::steady_clock::now() - reading.taken > 200ms;
    });
    EXPECT_TRUE(last.gpus.at(0).memory.has_value());
    EXPECT_THAT(stale(last, last.taken + 12s), HasSubstr("12 s old"));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, 15s);  // the destructor has not waited for it
}

TEST(GpuReader, ALibraryThatHangsAtTheStartIsNotWaitedFor) {
  const FakeNvml fake;
  fake.set("gpus 1\nhang nvmlInit_v2 20000");
  auto options = often();
  options.stop_patience = 10ms;
  const GpuReader reader(options);
  EXPECT_EQ(reader.wait(50ms).access, GpuAccess::kUnknown);
}

}  // namespace
}  // namespace atelier::platform
