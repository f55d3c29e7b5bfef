#include "http/reply_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atelier::http {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ReplyHead, NoValueCanAddAHeader) {
  Response response;
  response.set("Location", "/x\r\nSet-Cookie: stolen=1");
  const std::string head = reply_head(response, {0}, {});
  EXPECT_THAT(head, Not(HasSubstr("\r\nSet-Cookie")));
  EXPECT_THAT(head, HasSubstr("Location: /xSet-Cookie: stolen=1\r\n"));
}

TEST(ReplyHead, ForbidsCachingUnlessTheReplyAllowsIt) {
  Response response;
  EXPECT_THAT(reply_head(response, {5}, {}), HasSubstr("Cache-Control: no-store\r\n"));
  response.set("Cache-Control", "no-cache");
  EXPECT_THAT(reply_head(response, {5}, {}), Not(HasSubstr("no-store")));
}

TEST(ReplyHead, HasTheFramingOfTheBody) {
  EXPECT_THAT(reply_head({}, {5}, {}), HasSubstr("Content-Length: 5\r\n"));
  const std::string open = reply_head({}, {std::nullopt, false, false}, {});
  EXPECT_THAT(open, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(open, HasSubstr("Connection: close\r\n"));
}

}  // namespace
}  // namespace atelier::http
