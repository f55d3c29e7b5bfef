#include "platform/system.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace atelier::platform {
namespace {

TEST(System, TellsProcessorsAndMemory) {
  EXPECT_GE(usable_processors(), 1);
  EXPECT_FALSE(processor_name().empty());
  const Memory memory = machine_memory();
  EXPECT_GT(memory.available_bytes, 0);
  EXPECT_GE(memory.total_bytes, memory.available_bytes);
}

TEST(System, TellsTheTimeOfAllProcessors) {
  const auto before = processor_times();
  EXPECT_GT(before.all, 0U);
  EXPECT_LE(before.busy, before.all);
  const auto after = processor_times();
  EXPECT_GE(after.all, before.all);
  EXPECT_GE(after.busy, before.busy);
}

TEST(System, TellsTheLoad) {
  std::ifstream file("/proc/loadavg");
  double last_minute = 0;
  ASSERT_TRUE(file >> last_minute);
  const double expected = last_minute / usable_processors();
  EXPECT_NEAR(load_per_processor(), expected, 1 + expected / 2);
}

TEST(System, TellsTheMemoryOfAProcess) {
  EXPECT_GT(resident_bytes(::getpid()), 100'000);
  EXPECT_EQ(resident_bytes(-5), 0);
}

TEST(System, RaisesTheLimitOfOpenFilesAndNeverLowersIt) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{64, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  allow_open_files(100);
  rlimit now{};
  ::getrlimit(RLIMIT_NOFILE, &now);
  EXPECT_EQ(now.rlim_cur, 100U);
  allow_open_files(80);
  ::getrlimit(RLIMIT_NOFILE, &now);
  EXPECT_EQ(now.rlim_cur, 100U);
  ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace atelier::platform
