#include "http/framing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace atelier::http {
namespace {

using testing::HasSubstr;

constexpr std::size_t kMax = 1000;

struct Seen {
  bool complete = false;
  int status = 0;
  std::string rest;
};

Seen scan(std::string_view bytes, std::size_t piece) {
  HeadScan scan{kMax};
  Seen seen;
  for (std::size_t size = piece; !seen.complete && !scan.fault(); size += piece) {
    seen.complete = scan.is_complete(bytes.substr(0, size));
    if (size >= bytes.size()) break;
  }
  if (scan.fault()) seen.status = scan.fault()->status;
  if (seen.complete) seen.rest = bytes.substr(scan.end());
  return seen;
}

TEST(HeadScan, FindsTheEndHoweverTheBytesArrive) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\tb \xc3\xa9\r\nEmpty:\r\n\r\n";
  for (std::size_t piece = 1; piece <= head.size() + 4; ++piece) {
    const Seen seen = scan(head + "next", piece);
    EXPECT_TRUE(seen.complete) << piece;
    EXPECT_EQ(seen.rest, "next") << piece;
    EXPECT_EQ(seen.status, 0) << piece;
  }
  EXPECT_FALSE(scan(std::string_view{head}.substr(0, head.size() - 1), 3).complete);
}

TEST(HeadScan, SkipsOneEmptyLineBeforeTheRequest) {
  HeadScan one{kMax};
  EXPECT_TRUE(one.is_complete("\r\nGET / HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(one.begin(), 2U);
  EXPECT_EQ(scan("\r\n\r\nGET / HTTP/1.1\r\n\r\n", 1).status, 400);
}

TEST(HeadScan, RefusesAmbiguousFraming) {
  using namespace std::string_literals;
  for (const std::string& bytes : {
           "GET / HTTP/1.1\nHost: a\r\n\r\n"s,           // bare LF
           "GET / HTTP/1.1\r\nHost: a\n\r\n"s,           //
           "\nGET / HTTP/1.1\r\n\r\n"s,                  //
           "GET / HTTP/1.1\r\nHost: a\r\n\n"s,           //
           "GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n"s,      // bare CR
           "GET / HTTP/1.1\r\nA: b\r\r\n\r\n"s,          //
           "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"s,      // obs-fold
           "GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n"s,     //
           "GET / HTTP/1.1\r\n Host: a\r\n\r\n"s,        // a space before the first header
           " GET / HTTP/1.1\r\n\r\n"s,                   //
           "GET / HTTP/1.1\r\nA: b\r\n \r\n\r\n"s,       //
           "GET / HTTP/1.1\r\nA: \0b\r\n\r\n"s,          // NUL
           "GET / HTTP/1.1\r\nA\0: b\r\n\r\n"s,          //
           "GET /\x0b HTTP/1.1\r\nA: b\r\n\r\n"s,        // vertical tab
           "GET / HTTP/1.1\r\nA: \x1b[31m\r\n\r\n"s,     // escape
           "GET / HTTP/1.1\r\nA: b\x7f\r\n\r\n"s,        // DEL
           "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03"s,  // TLS
       }) {
    EXPECT_EQ(scan(bytes, 1).status, 400) << testing::PrintToString(bytes);
    EXPECT_EQ(scan(bytes, 1000).status, 400) << testing::PrintToString(bytes);
    EXPECT_FALSE(scan(bytes, 7).complete);
  }
}

TEST(HeadScan, RefusesALongHeader) {
  EXPECT_EQ(scan(std::string(kMax + 1, 'x'), 10).status, 431);
  EXPECT_EQ(scan(std::string(kMax, 'x'), 10).status, 0);
}

std::optional<FramingFault> check(Fields fields, int version = 11) {
  Request request;
  request.headers = std::move(fields);
  request.headers.emplace_back("Host", "localhost");
  return check_framing(request, version);
}

TEST(Framing, TransferEncodingIsChunkedOrRefused) {
  EXPECT_FALSE(check({{"Transfer-Encoding", "chunked"}}));
  EXPECT_FALSE(check({{"transfer-encoding", "CHUNKED"}}));
  for (const char* value : {"", " ", ",", "chunked,", ",chunked", "chunked, chunked",
                            "gzip, chunked", "chunked, identity", "chunked;q=1, chunked"}) {
    const auto fault = check({{"Transfer-Encoding", value}});
    ASSERT_TRUE(fault) << value;
    EXPECT_EQ(fault->status, 400) << value;
  }
  for (const char* value : {"identity", "gzip", "xchunked", "chunkedx", "\"chunked\"", "'chunked'",
                            "chunked;a=b", "x chunked", "chunked chunked", "cow"}) {
    const auto fault = check({{"Transfer-Encoding", value}});
    ASSERT_TRUE(fault) << value;
    EXPECT_EQ(fault->status, 501) << value;
    EXPECT_THAT(fault->sentence, HasSubstr("chunked"));
  }
  EXPECT_TRUE(check({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}));
  EXPECT_TRUE(check({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "identity"}}));
  EXPECT_TRUE(check({{"Transfer-Encoding", "chunked"}}, 10));
  EXPECT_TRUE(check({{"Transfer-Encoding", "chunked"}, {"Content-Length", "5"}}));
  EXPECT_TRUE(check({{"Transfer-Encoding", "identity"}, {"Content-Length", "5"}}));
}

TEST(Framing, ContentLengthIsOnePlainNumber) {
  EXPECT_FALSE(check({{"Content-Length", "0"}}));
  EXPECT_FALSE(check({{"Content-Length", "123456789"}}));
  for (const char* value :
       {"", "+5", "-5", "5 5", "5,5", "5, 5", "0x5", "5.0", "5e1", " 5", "five"}) {
    const auto fault = check({{"Content-Length", value}});
    ASSERT_TRUE(fault) << value;
    EXPECT_EQ(fault->status, 400);
  }
  EXPECT_TRUE(check({{"Content-Length", "5"}, {"Content-Length", "5"}}));
  EXPECT_TRUE(check({{"Content-Length", "5"}, {"content-length", "6"}}));
}

TEST(Framing, HeadersThatDecideOnAccessOccurOnce) {
  EXPECT_FALSE(check({}));
  EXPECT_TRUE(check({{"host", "localhost"}}));
  EXPECT_TRUE(check_framing(Request{}, 11));
  for (const char* name : {"Origin", "Authorization", "X-Moondream-Auth"}) {
    EXPECT_FALSE(check({{name, "a"}})) << name;
    EXPECT_TRUE(check({{name, "a"}, {name, "a"}})) << name;
  }
}

TEST(ChunkExtensions, MayBeShortAndPrintable) {
  ChunkExtensions extensions;
  EXPECT_TRUE(extensions.are_fine(""));
  EXPECT_TRUE(extensions.are_fine(";name=\"a b\";other"));
  for (const char* bad : {";a=\"\n\"", ";a=\"\r\"", ";\n", ";a=\"\x01\"", ";a\x7f"}) {
    EXPECT_FALSE(ChunkExtensions{}.are_fine(bad));
  }
  EXPECT_FALSE(extensions.are_fine(";" + std::string(5000, 'x')));
  ChunkExtensions many;
  bool fine = true;
  for (int i = 0; i < 1000; ++i) fine = many.are_fine(";12345678");
  EXPECT_FALSE(fine);
}

}  // namespace
}  // namespace atelier::http
