#include "engine/residency/eviction_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atelier::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> evicted(std::int64_t bytes, std::int64_t bytes_max) {
  ResidencyReport report;
  for (const char* const id : {"newest", "middle", "oldest"}) {
    report.models.push_back({{id, "", {}}, {}, 40});
    report.bytes += 40;
  }
  std::vector<std::string> ids;
  for (const ModelForm& form : least_recently_used(report, bytes, bytes_max))
    ids.push_back(form.id);
  return ids;
}

TEST(EvictionRule, TakesTheLeastRecentlyUsedUntilTheRestFits) {
  EXPECT_THAT(evicted(40, 160), IsEmpty());
  EXPECT_THAT(evicted(41, 160), ElementsAre("oldest"));
  EXPECT_THAT(evicted(100, 160), ElementsAre("oldest", "middle"));
}

TEST(EvictionRule, AModelLargerThanTheLimitIsKeptAlone) {
  EXPECT_THAT(evicted(500, 160), ElementsAre("oldest", "middle", "newest"));
}

}  // namespace
}  // namespace atelier::engine
