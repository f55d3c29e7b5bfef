#include "http/authority.h"

#include <gtest/gtest.h>

namespace atelier::http {
namespace {

TEST(Authority, ReadsNamesAddressesAndPorts) {
  struct Case {
    const char* text;
    const char* host;
    int port;  // 0: none
  };
  for (const Case& each : {
           Case{"localhost", "localhost", 0},
           {"LocalHost:2020", "localhost", 2020},
           {"localhost.", "localhost", 0},
           {"localhost.:2020", "localhost", 2020},
           {"localhost:", "localhost", 0},
           {"name-1.lan_2:65535", "name-1.lan_2", 65535},
           {"127.0.0.1:80", "127.0.0.1", 80},
           {"[::1]:2020", "::1", 2020},
           {"[0:0:0:0:0:0:0:1]", "::1", 0},
           {"[2001:DB8::A]", "2001:db8::a", 0},
           {"[::ffff:127.0.0.1]:1", "127.0.0.1", 1},
           {"[::ffff:7f00:1]", "127.0.0.1", 0},
           {"xn--bro-hoa.lan", "xn--bro-hoa.lan", 0},
       }) {
    const auto read = read_authority(each.text);
    ASSERT_TRUE(read) << each.text;
    EXPECT_EQ(read->host, each.host) << each.text;
    EXPECT_EQ(read->port.value_or(0), each.port) << each.text;
  }
}

TEST(Authority, RefusesWhatIsNotExactlyOne) {
  for (const char* text : {"",
                           ":",
                           ":2020",
                           ".",
                           "localhost..",
                           "..localhost",
                           "a..b",
                           "local host",
                           " localhost",
                           "localhost ",
                           "user@localhost",
                           "localhost@evil.example",
                           "user:pw@localhost:1",
                           "localhost/",
                           "localhost?a",
                           "localhost#a",
                           "localhost\\",
                           "localhost:x",
                           "localhost:-1",
                           "localhost:65536",
                           "localhost:000001",
                           "localhost:20:20",
                           "::1",
                           "::1:2020",
                           "[::1",
                           "::1]",
                           "[::1]x",
                           "[::1]:x",
                           "[]",
                           "[localhost]",
                           "[127.0.0.1]",
                           "[::1%25lo]",
                           "[fe80::1%eth0]",
                           "127.1",
                           "2130706433",
                           "0x7f.0.0.1",
                           "0x7f000001",
                           "127.0.0.01",
                           "0177.0.0.1",
                           "127.0.0.256",
                           "127.0.0.1.",
                           "127.0.0.1.1",
                           "1.2.3.4.5",
                           "local\x01host",
                           "l\xc3\xb6.lan",
                           "localhost%00",
                           "localhost,evil.example",
                           "*"}) {
    EXPECT_FALSE(read_authority(text)) << text;
  }
  EXPECT_FALSE(read_authority(std::string(64, 'a')));
  EXPECT_TRUE(read_authority(std::string(63, 'a')));
  EXPECT_FALSE(read_authority(std::string_view{"localhost\0", 10}));
}

TEST(Authority, KnowsLoopback) {
  for (const char* text : {"localhost", "LOCALHOST.", "app.localhost", "127.0.0.1", "127.1.2.3",
                           "[::1]", "[::ffff:127.0.0.1]"}) {
    const auto read = read_authority(text);
    ASSERT_TRUE(read) << text;
    EXPECT_TRUE(is_loopback(read->host)) << text;
  }
  for (const char* text :
       {"localhost.evil.example", "127.0.0.1.evil.example", "evil-localhost", "mylocalhost",
        "localhost.localdomain", "128.0.0.1", "0.0.0.0", "[::]", "[::2]", "[::ffff:10.0.0.1]",
        "127.0.0.1-evil.example", "127.evil.example", "::1.evil.example"}) {
    const auto read = read_authority(text);
    EXPECT_FALSE(read && is_loopback(read->host)) << text;
  }
}

TEST(Authority, ReadsOriginsWithTheirPorts) {
  const auto plain = read_origin("http://Studio.lan");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->authority.host, "studio.lan");
  EXPECT_EQ(plain->port(), 80);
  EXPECT_EQ(read_origin("HTTPS://studio.lan")->port(), 443);
  EXPECT_EQ(read_origin("https://[::1]:8443")->port(), 8443);
  for (const char* text :
       {"", "null", "*", "studio.lan", "//studio.lan", "http:/studio.lan", "http://",
        "http://studio.lan/", "http://studio.lan?", "http://a@studio.lan", "ftp://studio.lan",
        "file://", "file://localhost", "chrome-extension://localhost", "http://localhost http://b",
        "http://localhost,http://b", " http://localhost", "http://localhost:2020:1"}) {
    EXPECT_FALSE(read_origin(text)) << text;
  }
}

TEST(Authority, WritesAddressesInOneForm) {
  EXPECT_EQ(canonical_address("::ffff:192.168.1.5"), "192.168.1.5");
  EXPECT_EQ(canonical_address("fe80::1%eth0"), "fe80::1");
  EXPECT_EQ(canonical_address("0:0::1"), "::1");
  EXPECT_EQ(canonical_address("192.168.1.5"), "192.168.1.5");
}

}  // namespace
}  // namespace atelier::http
