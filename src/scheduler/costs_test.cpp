#include "scheduler/costs.h"

#include <gtest/gtest.h>

#include "tests/doubles/memory_job_store.h"

namespace atelier::scheduler {
namespace {

const CostEngine kCpu{.name = "cpu fp32", .weights_part = 2};

card::ModelCard card_of(const std::string& id) {
  card::ModelCard card;
  card.id = id;
  card.memory = {.weights_bytes = 1000, .bytes_per_pixel = 10};
  return card;
}

TEST(Costs, EstimatesFromTheCardWhereNothingWasMeasured) {
  MemoryJobStore store;
  const Costs costs(store);
  const auto model = costs.model(kCpu, card_of("a"));
  EXPECT_EQ(model.bytes, 2000);
  EXPECT_FALSE(model.measured);
  const auto run = costs.run(kCpu, card_of("a"), "generate", {.pixels = 64, .steps = 4});
  EXPECT_EQ(run.peak_bytes, 640);
  EXPECT_EQ(run.expected_ms, 0);
  EXPECT_FALSE(run.measured);
}

TEST(Costs, AMeasurementReplacesTheEstimateAndSurvivesARestart) {
  MemoryJobStore store;
  {
    Costs costs(store);
    costs.add_model(kCpu, card_of("a"), 1500, 200);
    costs.add_run(kCpu, card_of("a"), "generate", {.pixels = 64, .steps = 4}, 900, 400);
    costs.write();
  }
  const Costs costs(store);
  const auto model = costs.model(kCpu, card_of("a"));
  EXPECT_EQ(model.bytes, 1500);
  EXPECT_EQ(model.load_ms, 200);
  EXPECT_TRUE(model.measured);
  const auto run = costs.run(kCpu, card_of("a"), "generate", {.pixels = 64, .steps = 8});
  EXPECT_EQ(run.peak_bytes, 900);
  EXPECT_EQ(run.expected_ms, 800);  // twice the steps
  EXPECT_TRUE(run.measured);
  EXPECT_FALSE(costs.run(kCpu, card_of("a"), "upscale", {}).measured);
  EXPECT_FALSE(costs.model({.name = "cpu bf16", .weights_part = 1}, card_of("a")).measured);
}

TEST(Costs, ALargerRunIsExpectedInProportionAndASmallerOneAsTheNextLarger) {
  MemoryJobStore store;
  Costs costs(store);
  costs.add_run(kCpu, card_of("a"), "generate", {.pixels = 1024, .steps = 1}, 1000, 100);
  const auto larger = costs.run(kCpu, card_of("a"), "generate", {.pixels = 4096, .steps = 1});
  EXPECT_EQ(larger.peak_bytes, 4000);
  EXPECT_EQ(larger.expected_ms, 400);
  EXPECT_FALSE(larger.measured);
  const auto smaller = costs.run(kCpu, card_of("a"), "generate", {.pixels = 256, .steps = 1});
  EXPECT_EQ(smaller.peak_bytes, 1000);
  EXPECT_EQ(smaller.expected_ms, 25);
}

TEST(Costs, TheLargestPeakIsKeptAndTimesFollowSlowly) {
  MemoryJobStore store;
  Costs costs(store);
  const card::Work work{.pixels = 64, .steps = 1};
  costs.add_run(kCpu, card_of("a"), "generate", work, 1000, 100);
  costs.add_run(kCpu, card_of("a"), "generate", work, 0, 200);  // not measured: suspended
  const auto run = costs.run(kCpu, card_of("a"), "generate", work);
  EXPECT_EQ(run.peak_bytes, 1000);
  EXPECT_EQ(run.expected_ms, 130);
}

TEST(Costs, ModelsAreTheSameByContentAndWhatCannotBeStoredStaysInMemory) {
  MemoryJobStore store;
  Costs costs(store);
  auto card = card_of("a");
  card.content_hash = "0123";
  store.disk_full = true;
  costs.add_model(kCpu, card, 1500, 200);
  costs.write();
  card.id = "another name";
  EXPECT_EQ(costs.model(kCpu, card).bytes, 1500);
  store.disk_full = false;
  costs.write();
  EXPECT_EQ(store.costs().size(), 1U);
}

}  // namespace
}  // namespace atelier::scheduler
