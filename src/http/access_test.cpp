#include "http/access.h"

#include <gtest/gtest.h>

namespace atelier::http {
namespace {

TEST(Access, KnowsLoopbackNamesAndAddresses) {
  for (const char* host :
       {"localhost", "LOCALHOST", "app.localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"}) {
    EXPECT_TRUE(is_loopback_host(host)) << host;
  }
  for (const char* host : {"", "localhost.evil.example", "127.0.0.1.evil.example", "128.0.0.1",
                           "127.1", "127.0.0.256", "0.0.0.0", "evil.example", "2130706433"}) {
    EXPECT_FALSE(is_loopback_host(host)) << host;
  }
}

TEST(Access, TakesTheHostOutOfAnAuthority) {
  EXPECT_EQ(host_of("LocalHost:2020"), "localhost");
  EXPECT_EQ(host_of("[::1]:2020"), "::1");
  EXPECT_EQ(host_of("name.lan."), "name.lan");
  EXPECT_EQ(host_of("[::1"), "");
}

TEST(Access, AcceptsTheNamesOfTheSettingsAndTheAddressThatWasReached) {
  AccessRules rules;
  rules.bound_host = "0.0.0.0";
  rules.allowed_hosts = {"studio.lan"};
  EXPECT_TRUE(host_is_allowed(rules, "Studio.LAN:2020", "192.168.1.5"));
  EXPECT_TRUE(host_is_allowed(rules, "192.168.1.5:2020", "192.168.1.5"));
  EXPECT_FALSE(host_is_allowed(rules, "192.168.1.6:2020", "192.168.1.5"));
  EXPECT_FALSE(host_is_allowed(rules, "other.lan", "192.168.1.5"));
  EXPECT_FALSE(host_is_allowed(rules, "", "192.168.1.5"));
}

TEST(Access, LetsPagesOfLoopbackOfTheListAndOfTheStationItselfIn) {
  AccessRules rules;
  rules.allowed_origins = {"https://gallery.example"};
  for (const char* origin : {"", "http://localhost:3000", "https://127.0.0.1", "http://[::1]:5173",
                             "https://gallery.example", "http://studio.lan:2020"}) {
    EXPECT_TRUE(origin_is_allowed(rules, origin, "studio.lan:2020")) << origin;
  }
  for (const char* origin :
       {"null", "https://evil.example", "http://gallery.example", "https://gallery.example:8443",
        "file://localhost", "http://localhost@evil.example", "http://localhost/evil.example",
        "chrome-extension://localhost", "http://studio.lan:2021"}) {
    EXPECT_FALSE(origin_is_allowed(rules, origin, "studio.lan:2020")) << origin;
  }
}

TEST(Access, AStarInTheListIsNoWildcard) {
  AccessRules rules;
  rules.allowed_origins = {"*"};
  EXPECT_FALSE(origin_is_allowed(rules, "https://evil.example", "localhost:2020"));
}

TEST(Access, ComparesTheWholeKey) {
  AccessRules rules;
  rules.api_key = "secret";
  const auto with = [](const char* name, const char* value) {
    Request request;
    request.headers = {{name, value}};
    return request;
  };
  EXPECT_TRUE(key_is_right(rules, with("authorization", "bearer secret")));
  EXPECT_TRUE(key_is_right(rules, with("x-moondream-auth", "secret")));
  EXPECT_TRUE(key_is_right(rules, with("Authorization", "Basic bWU6c2VjcmV0")));
  for (const char* value : {"Bearer secretsecret", "Bearer secre", "Bearer ", "Bearer", "secret",
                            "Basic c2VjcmV0", "Basic *", ""}) {
    EXPECT_FALSE(key_is_right(rules, with("Authorization", value))) << value;
  }
  EXPECT_FALSE(key_is_right(rules, Request{}));
}

}  // namespace
}  // namespace atelier::http
