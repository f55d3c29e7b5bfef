#include "scheduler/memory_ladder.h"

#include <gtest/gtest.h>

#include "card/all_tasks.h"
#include "card/tasks/generate.h"

namespace atelier::scheduler {
namespace {

using Kind = MemoryStep::Kind;

card::TaskInput input(bool tile_vae) {
  card::GenerationInput generation;
  generation.tile_vae = tile_vae;
  return card::TaskInput::of(card::generate_task(), generation);
}

TEST(MemoryLadder, FreesOthersThenSavesThenRestartsAndThenGivesUp) {
  EXPECT_EQ(next_memory_step(input(false), 0).kind, Kind::kEvictIdle);
  const auto saving = next_memory_step(input(false), 1);
  EXPECT_EQ(saving.kind, Kind::kSaving);
  EXPECT_TRUE(saving.input.as<card::GenerationInput>().tile_vae);
  EXPECT_EQ(next_memory_step(input(false), 2).kind, Kind::kRestartWorker);
  EXPECT_EQ(next_memory_step(input(false), 3).kind, Kind::kNone);
}

TEST(MemoryLadder, ASavingThatTheInputHasAlreadyIsNotAStep) {
  EXPECT_EQ(next_memory_step(input(true), 1).kind, Kind::kRestartWorker);
  EXPECT_EQ(next_memory_step(input(true), 2).kind, Kind::kNone);
}

TEST(MemoryLadder, SavingsStayForTheLaterSteps) {
  EXPECT_FALSE(with_savings(input(false), 1).as<card::GenerationInput>().tile_vae);
  EXPECT_TRUE(with_savings(input(false), 2).as<card::GenerationInput>().tile_vae);
  EXPECT_TRUE(with_savings(input(false), 3).as<card::GenerationInput>().tile_vae);
}

}  // namespace
}  // namespace atelier::scheduler
