#include "http/endpoints/picture_slots.h"

#include <gtest/gtest.h>

namespace atelier::http {
namespace {

std::string text_of(const platform::ByteSource& source) {
  const auto bytes = platform::read_all(source);
  return {bytes.begin(), bytes.end()};
}

TEST(PictureSlots, PutsEachPictureWhereItsMarkStands) {
  PictureSlots slots;
  const std::string first = slots.add(platform::bytes_in_memory("hi"));
  const std::string second = slots.add(platform::bytes_in_memory("0123456789"));
  const auto filled =
      slots.fill(R"({"a":[")" + first + R"(",")" + second + R"("],"b":")" + first + "\"}");
  EXPECT_EQ(text_of(*filled), R"({"a":["aGk=","MDEyMzQ1Njc4OQ=="],"b":"aGk="})");
  EXPECT_EQ(filled->size(), text_of(*filled).size());
  EXPECT_EQ(text_of(*slots.fill("{}")), "{}");
}

}  // namespace
}  // namespace atelier::http
