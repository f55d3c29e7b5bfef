#include "http/failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atelier::http {
namespace {

using testing::HasSubstr;

TEST(Failure, EveryCodeHasAStatusOfItsKind) {
  EXPECT_EQ(status_of(ErrorCode::kInvalidArgument), 400);
  EXPECT_EQ(status_of(ErrorCode::kNotFound), 404);
  EXPECT_EQ(status_of(ErrorCode::kConflict), 409);
  EXPECT_EQ(status_of(ErrorCode::kTooLarge), 413);
  EXPECT_EQ(status_of(ErrorCode::kQueueFull), 429);
  EXPECT_EQ(status_of(ErrorCode::kUnsupported), 422);
  EXPECT_EQ(status_of(ErrorCode::kCorruptData), 422);
  EXPECT_EQ(status_of(ErrorCode::kWorkerLost), 500);
}

TEST(Failure, EachFamilyOfPathsHasItsOwnShape) {
  const Error error{ErrorCode::kInvalidArgument, "no"};
  const Response native = failure_response("/api/v1/jobs", error);
  EXPECT_EQ(native.content_type, "application/problem+json");
  EXPECT_THAT(native.body, HasSubstr(R"("detail":"no")"));
  EXPECT_THAT(native.body, HasSubstr(R"("status":400)"));
  const Response openai = failure_response("/v1/images/generations", error);
  EXPECT_EQ(openai.body,
            R"({"error":{"message":"no","type":"invalid_request_error",)"
            R"("code":"invalid_argument","param":null},"detail":"no","status":"error"})");
  const Response legacy = failure_response("/v1/generate", error);
  EXPECT_EQ(legacy.body, R"({"error":"no","detail":"no","status":"error"})");
}

TEST(Failure, TheFieldStandsInFrontOfTheSentence) {
  const Error error{ErrorCode::kInvalidArgument, "/input/steps", "0 is out of range"};
  const Response native = failure_response("/api/v1/jobs", error);
  EXPECT_THAT(native.body, HasSubstr(R"("detail":"/input/steps: 0 is out of range")"));
  EXPECT_THAT(native.body, HasSubstr(R"("field":"/input/steps")"));
  EXPECT_EQ(failure_response("/v1/generate", error).body,
            R"({"error":"/input/steps: 0 is out of range",)"
            R"("detail":"/input/steps: 0 is out of range","status":"error"})");
  const Error read{ErrorCode::kInvalidArgument, "/input/steps", "/input/steps: expected a number"};
  EXPECT_THAT(failure_response("/api/v1/jobs", read).body,
              HasSubstr(R"("detail":"/input/steps: expected a number")"));
  const Error none{ErrorCode::kNotFound, "no"};
  EXPECT_THAT(failure_response("/api/v1/jobs", none).body, HasSubstr(R"("field":"")"));
}

TEST(Failure, AFullQueueIsRejectedWithRetryAfter) {
  const Response response =
      failure_response("/v1/generate", Error{ErrorCode::kQueueFull, "Queue is full"});
  EXPECT_EQ(response.status, 429);
  EXPECT_THAT(response.body, HasSubstr(R"("status":"rejected")"));
  EXPECT_THAT(response.headers, testing::Contains(testing::Pair("Retry-After", testing::_)));
}

TEST(Failure, InvalidUtf8IsReplacedInTheReply) {
  const Response response =
      failure_response("/v1/generate", Error{ErrorCode::kNotFound, "no \xff\xc3 model \xc3\xa9"});
  EXPECT_THAT(response.body, HasSubstr("no \xef\xbf\xbd\xef\xbf\xbd model \xc3\xa9"));
}

}  // namespace
}  // namespace atelier::http
