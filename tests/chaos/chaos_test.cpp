// The station under everything at once: kills, cancellations, floods, a full disk and slow clients
// over a stream of mixed jobs, with the fake engine. Short with a fixed seed in `make test`; ten
// minutes with a new seed in `make chaos`. ATELIER_CHAOS_SEED and ATELIER_CHAOS_SECONDS change
// both; a failure prints its seed.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string_view>

#include "chaos.h"
#include "whole_png.h"

namespace atelier::chaos {
namespace {

constexpr std::uint64_t kShortSeed = 1;
constexpr std::chrono::seconds kShort{8}, kLong{600};

std::optional<std::uint64_t> from_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

Plan plan() {
  const char* mode = std::getenv("ATELIER_CHAOS");
  const bool is_long = mode != nullptr && std::string_view(mode) == "long";
  Plan plan{.seed = is_long ? std::random_device{}() : kShortSeed,
            .length = is_long ? kLong : kShort};
  if (const auto seed = from_environment("ATELIER_CHAOS_SEED")) plan.seed = *seed;
  if (const auto seconds = from_environment("ATELIER_CHAOS_SECONDS")) {
    plan.length = std::chrono::seconds(*seconds);
  }
  return plan;
}

TEST(Chaos, NothingIsLostOrDoubledAndTheStationComesToRest) {
  const auto planned = plan();
  std::printf("chaos: seed %llu, %lld s\n", static_cast<unsigned long long>(planned.seed),
              static_cast<long long>(planned.length.count()));
  std::fflush(stdout);
  Chaos chaos(planned);
  chaos.run();
  std::printf("%s\n", chaos.summary().c_str());
  std::fflush(stdout);
  EXPECT_FALSE(chaos.failed()) << chaos.report();
}

TEST(WholePng, FindsDamageAndMissingParts) {
  const auto whole = api::png(64, 72);
  EXPECT_TRUE(is_whole_png(whole));
  EXPECT_FALSE(is_whole_png(whole.substr(0, whole.size() - 1)));
  EXPECT_FALSE(is_whole_png(api::png(64, 72, api::Rows::kFirstOnly)));
  for (const std::size_t at : {std::size_t{20}, std::size_t{45}, whole.size() - 20}) {
    auto damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_FALSE(is_whole_png(damaged)) << at;
  }
}

}  // namespace
}  // namespace atelier::chaos
