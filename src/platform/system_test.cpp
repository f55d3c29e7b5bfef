#include "platform/system.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace atelier::platform {
namespace {

TEST(System, TellsProcessorsAndMemory) {
  EXPECT_GE(usable_processors(), 1);
  EXPECT_FALSE(processor_name().empty());
  const Memory memory = machine_memory();
  EXPECT_GT(memory.available_bytes, 0);
  EXPECT_GE(memory.total_bytes, memory.available_bytes);
}

TEST(System, TellsTheMemoryOfAProcess) {
  EXPECT_GT(resident_bytes(::getpid()), 100'000);
  EXPECT_EQ(resident_bytes(-5), 0);
}

}  // namespace
}  // namespace atelier::platform
