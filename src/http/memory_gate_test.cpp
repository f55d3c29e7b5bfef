#include "http/memory_gate.h"

#include <gtest/gtest.h>

#include <optional>

namespace atelier::http {
namespace {

using Place = MemoryGate::Place;

TEST(MemoryGate, AdmitsWhatFitsAndTheRestInOrder) {
  MemoryGate gate{100};
  int woken = 0;
  const auto wake = [&woken] { ++woken; };
  std::optional<Place> first;
  std::optional<Place> second;
  std::optional<Place> third;
  std::optional<Place> fourth;
  first.emplace(gate, 60, wake);
  second.emplace(gate, 60, wake);
  third.emplace(gate, 10, wake);
  fourth.emplace(gate, 10, wake);
  EXPECT_TRUE(first->inside());
  EXPECT_FALSE(second->inside());
  EXPECT_FALSE(third->inside());  // it would fit, but it came later
  third.reset();                  // its client has left
  first.reset();
  EXPECT_TRUE(second->inside());
  EXPECT_TRUE(fourth->inside());
  EXPECT_EQ(woken, 3);
}

TEST(MemoryGate, ARequestLargerThanTheLimitIsAdmittedAlone) {
  MemoryGate gate{100};
  std::optional<Place> huge;
  huge.emplace(gate, 1000, [] {});
  EXPECT_TRUE(huge->inside());
  Place small{gate, 1, [] {}};
  EXPECT_FALSE(small.inside());
  huge.reset();
  EXPECT_TRUE(small.inside());
}

}  // namespace
}  // namespace atelier::http
