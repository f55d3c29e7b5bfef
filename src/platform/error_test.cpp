#include "platform/error.h"

#include <gtest/gtest.h>

namespace atelier {
namespace {

TEST(Error, NamesSurviveARoundTrip) {
  for (int value = 0; value <= static_cast<int>(ErrorCode::kInternal); ++value) {
    const auto code = static_cast<ErrorCode>(value);
    EXPECT_EQ(error_code_from_name(error_code_name(code)), code);
  }
}

TEST(Error, AnUnknownNameIsInternal) {
  EXPECT_EQ(error_code_from_name("from_the_future"), ErrorCode::kInternal);
}

}  // namespace
}  // namespace atelier
