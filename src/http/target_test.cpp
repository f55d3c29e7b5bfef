#include "http/target.h"

#include <gtest/gtest.h>

#include "platform/error.h"

namespace atelier::http {
namespace {

TEST(Target, TidiesPaths) {
  EXPECT_EQ(read_target("/").path, "/");
  EXPECT_EQ(read_target("").path, "/");
  EXPECT_EQ(read_target("/v1/v1/models").path, "/v1/models");
  EXPECT_EQ(read_target("/v1//v1/v1/models//").path, "/v1/models");
  EXPECT_EQ(read_target("/api/v1/v1").path, "/api/v1/v1");
  EXPECT_EQ(read_target("/v1").path, "/v1");
  EXPECT_EQ(read_target("/a%20b").path, "/a b");
  EXPECT_EQ(read_target("/a+b").path, "/a+b");
  EXPECT_EQ(read_target("/a#b").path, "/a");
}

TEST(Target, ReadsTheQuery) {
  const Fields query = read_target("/x?limit=5&flag&empty=&text=a+b%26c&&").query;
  EXPECT_EQ(query, (Fields{{"limit", "5"}, {"flag", ""}, {"empty", ""}, {"text", "a b&c"}}));
}

TEST(Target, KeepsTheAuthorityOfAnAbsoluteAddress) {
  const Target target = read_target("http://evil.example/v1/models?x=1");
  EXPECT_EQ(target.authority, "evil.example");
  EXPECT_EQ(target.path, "/v1/models");
  EXPECT_EQ(read_target("/see?from=http://other/").authority, "");
}

TEST(Target, RefusesWhatNoClientSendsOnPurpose) {
  for (const char* text :
       {"/%zz", "/%4", "/%00", "/%0d%0a", "/a/../b", "/%2e%2e/b", "/.", "no-slash", "/x?y=%"}) {
    EXPECT_THROW(read_target(text), Error) << text;
  }
}

}  // namespace
}  // namespace atelier::http
