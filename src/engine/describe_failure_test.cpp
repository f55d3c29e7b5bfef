#include "engine/describe_failure.h"

#include <gtest/gtest.h>

#include <new>

#include "engine/tensor/torch_compat.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

Error failure_of(const std::function<void()>& work) {
  try {
    with_failures_described("making a picture", work);
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::kInternal, "nothing was thrown"};
}

TEST(DescribeFailure, AnAllocationThatCannotBeIsOutOfMemory) {
  const Error error = failure_of([] { at::empty({std::int64_t{1} << 55}, at::kFloat).fill_(1); });
  EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
  EXPECT_NE(std::string(error.what()).find("smaller size"), std::string::npos);
  EXPECT_EQ(failure_of([] { throw std::bad_alloc(); }).code(), ErrorCode::kOutOfMemory);
}

TEST(DescribeFailure, AShapeErrorIsInternalAndHasNoBacktrace) {
  const Error error = failure_of([] { at::ones({2, 3}).mm(at::ones({2, 3})); });
  EXPECT_EQ(error.code(), ErrorCode::kInternal);
  EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
}

TEST(DescribeFailure, OurOwnErrorsPassUnchanged) {
  const Error error = failure_of([] { throw Error(ErrorCode::kCancelled, "cancelled"); });
  EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  EXPECT_STREQ(error.what(), "cancelled");
}

}  // namespace
}  // namespace atelier::engine
