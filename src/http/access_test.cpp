#include "http/access.h"

#include <gtest/gtest.h>

namespace atelier::http {
namespace {

bool host_allowed(const AccessRules& rules, std::string_view host, std::string_view local) {
  const auto read = read_authority(host);
  return read && host_is_allowed(rules, *read, local);
}

bool origin_allowed(const AccessRules& rules, std::string_view origin, std::string_view host) {
  const auto read = read_authority(host);
  return read && origin_is_allowed(rules, origin, *read);
}

TEST(Access, AcceptsLoopbackTheSettingsAndTheAddressThatWasReached) {
  AccessRules rules;
  rules.bound_host = "0.0.0.0";
  rules.allowed_hosts = {"studio.lan", "Gallery.lan:2020", "fd00::5", "[fd00::6]:2020"};
  for (const char* host : {"localhost", "LOCALHOST.:1", "app.localhost", "127.1.2.3", "[::1]:2020",
                           "Studio.LAN:2020", "studio.lan.", "gallery.lan", "192.168.1.5:2020",
                           "[::ffff:192.168.1.5]", "[fd00:0::5]", "[fd00::6]"}) {
    EXPECT_TRUE(host_allowed(rules, host, "192.168.1.5")) << host;
  }
  for (const char* host :
       {"", "192.168.1.6:2020", "other.lan", "evil.studio.lan", "studio.lan.evil.example",
        "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.5.evil.example",
        "studio.lan@evil.example", "evil.example:80@studio.lan", "[fd00::7]", "fd00::5"}) {
    EXPECT_FALSE(host_allowed(rules, host, "192.168.1.5")) << host;
  }
}

TEST(Access, LetsPagesOfLoopbackOfTheListAndOfTheStationItselfIn) {
  AccessRules rules;
  rules.allowed_origins = {"https://gallery.example", "http://viewer.lan:3000/"};
  for (const char* origin :
       {"", "http://localhost:3000", "https://127.0.0.1", "http://[::1]:5173",
        "https://gallery.example", "https://Gallery.example:443", "http://viewer.lan:3000",
        "http://studio.lan:2020", "https://studio.lan:2020"}) {
    EXPECT_TRUE(origin_allowed(rules, origin, "studio.lan:2020")) << origin;
  }
  for (const char* origin :
       {"null", "https://evil.example", "http://gallery.example", "https://gallery.example:8443",
        "https://gallery.example.evil.example", "https://evilgallery.example", "file://localhost",
        "http://localhost@evil.example", "http://localhost/evil.example",
        "http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://127.0.0.1@evil",
        "chrome-extension://localhost", "http://studio.lan:2021", "http://studio.lan",
        "http://viewer.lan", "http://[::1].evil.example", "http://[::2]"}) {
    EXPECT_FALSE(origin_allowed(rules, origin, "studio.lan:2020")) << origin;
  }
  // Behind a proxy that speaks TLS the Host header has no port.
  EXPECT_TRUE(origin_allowed(rules, "https://studio.lan", "studio.lan"));
  EXPECT_TRUE(origin_allowed(rules, "http://studio.lan", "studio.lan"));
  EXPECT_FALSE(origin_allowed(rules, "https://studio.lan:8443", "studio.lan"));
}

TEST(Access, AStarInTheListIsNotAWildcard) {
  AccessRules rules;
  rules.allowed_origins = {"*", "", "null", "https://*.example"};
  for (const char* origin : {"https://evil.example", "null", "*", "https://*.example"}) {
    EXPECT_FALSE(origin_allowed(rules, origin, "localhost:2020")) << origin;
  }
}

TEST(Access, ReportsInvalidEntries) {
  AccessRules rules;
  rules.allowed_hosts = {"studio.lan", "fd00::5", "studio lan", "http://studio.lan"};
  rules.allowed_origins = {"http://localhost:3000", "http://viewer.lan:3000/", "*", "studio.lan"};
  EXPECT_EQ(unreadable_entries(rules).size(), 4U);
  EXPECT_EQ(unreadable_entries({}).size(), 0U);
}

TEST(Access, ComparesTheWholeKey) {
  AccessRules rules;
  rules.api_key = "secret";
  const auto with = [](const char* name, const char* value) {
    Request request;
    request.headers = {{name, value}};
    return request;
  };
  EXPECT_EQ(check_key({}, with("Authorization", "Bearer any")), KeyUse::kNotAsked);
  EXPECT_EQ(check_key(rules, with("authorization", "bearer secret")), KeyUse::kRight);
  EXPECT_EQ(check_key(rules, with("x-moondream-auth", "secret")), KeyUse::kRight);
  EXPECT_EQ(check_key(rules, with("Authorization", "Basic bWU6c2VjcmV0")), KeyUse::kRight);
  Request both = with("x-moondream-auth", "secret");
  both.headers.emplace_back("Authorization", "Bearer sk-of-another-service");
  EXPECT_EQ(check_key(rules, both), KeyUse::kRight);
  for (const char* value : {"Bearer secretsecret", "Bearer secre", "Bearer ", "Bearer", "secret",
                            "Basic c2VjcmV0", "Basic *"}) {
    EXPECT_EQ(check_key(rules, with("Authorization", value)), KeyUse::kWrong) << value;
  }
  EXPECT_EQ(check_key(rules, Request{}), KeyUse::kMissing);
  EXPECT_EQ(check_key(rules, with("Authorization", "")), KeyUse::kMissing);
}

TEST(Access, ComparesEveryLetterOfAKey) {
  EXPECT_TRUE(equal_in_constant_time("secret", "secret"));
  EXPECT_TRUE(equal_in_constant_time("", ""));
  for (const char* given : {"", "s", "secreT", "Secret", "secret ", "secretsecret", "secre"}) {
    EXPECT_FALSE(equal_in_constant_time(given, "secret")) << given;
  }
  EXPECT_FALSE(equal_in_constant_time("x", ""));
}

}  // namespace
}  // namespace atelier::http
