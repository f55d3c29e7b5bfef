// Requests that two programs in a row would divide differently, against the real station: each
// hides a second request, which must never be served.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "rounds.h"
#include "station_process.h"

namespace atelier::api {
namespace {

using namespace std::string_literals;

const std::string kInput = R"({"input":{"prompt":"smuggled"}})";
const std::string kHidden = "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                            std::to_string(kInput.size()) + "\r\n\r\n" + kInput;

struct Framing {
  const char* name;
  std::string fields;  // of "POST /v1/nothing HTTP/1.1\r\nHost: localhost\r\n"
  std::string body = {};
};

std::string hex(std::size_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "%zx", number);
  return text;
}

// A first request that one reader ends before kHidden, another behind it.
std::vector<Framing> ambiguous_framings() {
  const std::string length = "Content-Length: " + std::to_string(kHidden.size()) + "\r\n";
  const std::string chunk = hex(kHidden.size()) + "\r\n" + kHidden + "\r\n0\r\n\r\n";
  return {
      {"TE and CL", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n" + kHidden},
      {"CL and TE", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + kHidden},
      {"CL and unknown TE", length + "Transfer-Encoding: identity\r\n", kHidden},
      {"unknown TE and CL", "Transfer-Encoding: identity\r\n" + length, kHidden},
      {"identity", "Transfer-Encoding: identity\r\n", chunk},
      {"xchunked", "Transfer-Encoding: xchunked\r\n", chunk},
      {"gzip", "Transfer-Encoding: gzip\r\n", chunk},
      {"list that ends in chunked", "Transfer-Encoding: gzip, chunked\r\n", chunk},
      {"list that begins with chunked", "Transfer-Encoding: chunked, identity\r\n", chunk},
      {"chunked twice", "Transfer-Encoding: chunked, chunked\r\n", chunk},
      {"two headers", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunk},
      {"two codings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n", chunk},
      {"cow first", "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n", chunk},
      {"empty TE", "Transfer-Encoding:\r\n", chunk},
      {"quoted TE", "Transfer-Encoding: \"chunked\"\r\n", chunk},
      {"TE with a parameter", "Transfer-Encoding: chunked;q=1\r\n", chunk},
      {"TE with a vertical tab",
       "Transfer-Encoding: \x0b"
       "chunked\r\n",
       chunk},
      {"TE with a NUL", "Transfer-Encoding: chunked\0\r\n"s, chunk},
      {"TE with a space before the colon", "Transfer-Encoding : chunked\r\n", chunk},
      {"TE with a tab before the colon", "Transfer-Encoding\t: chunked\r\n", chunk},
      {"folded TE", "Transfer-Encoding:\r\n chunked\r\n", chunk},
      {"TE in a folded line", "A: b\r\n Transfer-Encoding: chunked\r\n", chunk},
      {"TE behind a bare LF", "A: b\nTransfer-Encoding: chunked\r\n", chunk},
      {"TE behind a bare CR", "A: b\rTransfer-Encoding: chunked\r\n", chunk},
      {"two lengths", "Content-Length: 0\r\n" + length, kHidden},
      {"two lengths, the other way", length + "Content-Length: 0\r\n", kHidden},
      {"the same length twice", length + length, kHidden},
      {"list of lengths", "Content-Length: 0, " + std::to_string(kHidden.size()) + "\r\n", kHidden},
      {"list of the same length", "Content-Length: 0, 0\r\n", kHidden},
      {"length with a plus", "Content-Length: +0\r\n", kHidden},
      {"length with a minus", "Content-Length: -1\r\n", kHidden},
      {"length in hexadecimal", "Content-Length: 0x0\r\n", kHidden},
      {"length with a space inside", "Content-Length: 0 0\r\n", kHidden},
      {"length that overflows", "Content-Length: 18446744073709551616\r\n", kHidden},
      {"empty length", "Content-Length:\r\n", kHidden},
      {"length with a space before the colon", "Content-Length : 0\r\n", kHidden},
      {"folded length", "Content-Length:\r\n 0\r\n", kHidden},
      {"length behind a bare LF", "A: b\nContent-Length: 0\r\n", kHidden},
      {"length with a NUL", "Content-Length: 0\0\r\n"s, kHidden},
      {"control character in a header", "A: b\x01\r\n", kHidden},
      {"NUL in a name", "A\0: b\r\n"s, kHidden},
      {"header without a colon", "no_colon\r\n", kHidden},
      {"header without a name", ": b\r\n", kHidden},
      {"chunk size that overflows", "Transfer-Encoding: chunked\r\n",
       "ffffffffffffffff0\r\n\r\n0\r\n\r\n" + kHidden},
      {"chunk size with 0x", "Transfer-Encoding: chunked\r\n", "0x0\r\n\r\n" + kHidden},
      {"chunk size with a sign", "Transfer-Encoding: chunked\r\n", "+0\r\n\r\n" + kHidden},
      {"chunk size with a space", "Transfer-Encoding: chunked\r\n", "0 \r\n\r\n" + kHidden},
      {"no chunk size", "Transfer-Encoding: chunked\r\n", "\r\n\r\n" + kHidden},
      {"chunk line that ends in LF", "Transfer-Encoding: chunked\r\n", "0\n\r\n\r\n" + kHidden},
      {"LF in a chunk extension", "Transfer-Encoding: chunked\r\n",
       "2;\nxx\r\n4c\r\n0\r\n\r\n" + kHidden},
      {"LF in a quoted chunk extension", "Transfer-Encoding: chunked\r\n",
       "0;a=\"\n\"\r\n\r\n" + kHidden},
      {"chunk without CR LF behind it", "Transfer-Encoding: chunked\r\n",
       "1\r\nx0\r\n\r\n" + kHidden},
      {"chunk with LF behind it", "Transfer-Encoding: chunked\r\n", "1\r\nx\n0\r\n\r\n" + kHidden},
      {"length as a trailer", "Transfer-Encoding: chunked\r\n",
       "0\r\nContent-Length: 5\r\n\r\n" + kHidden},
      {"no last empty line", "Transfer-Encoding: chunked\r\n", "0\r\n" + kHidden},
  };
}

int jobs_of(const StationProcess& station) {
  const auto list = station.json("/api/v1/jobs?limit=500");
  return list.is_object() ? static_cast<int>(list.at("jobs").as_array().size()) : -1;
}

TEST(FramingAttack, NoHiddenRequestIsServed) {
  StationProcess station;
  for (const Framing& each : ambiguous_framings()) {
    for (const char* path : {"/v1/nothing", "/v1/generate"}) {
      http::RawClient client{station.port()};
      client.send("POST " + std::string{path} + " HTTP/1.1\r\nHost: localhost\r\n" + each.fields +
                  "\r\n" + each.body);
      const auto reply = client.reply();
      // An unknown path may be answered before the body is read.
      const bool is_refused = reply.status == 400 || reply.status == 501 ||
                              (std::string_view{path} == "/v1/nothing" && reply.status == 404);
      EXPECT_TRUE(is_refused) << each.name << ": " << reply.status << reply.body;
      EXPECT_EQ(reply.header("connection"), "close") << each.name;
      client.half_close();
      EXPECT_EQ(client.reply().status, 0) << each.name;
    }
  }
  EXPECT_EQ(jobs_of(station), 0);
  EXPECT_EQ(station.ask("GET", "/health").status, 200);
}

TEST(FramingAttack, ChunkedInHttp10IsRefused) {
  StationProcess station;
  http::RawClient client{station.port()};
  client.send(
      "POST /v1/nothing HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n"
      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
      kHidden);
  EXPECT_EQ(client.reply().status, 400);
  client.half_close();
  EXPECT_EQ(client.reply().status, 0);
  EXPECT_EQ(jobs_of(station), 0);
}

// Changed bytes of valid requests, one behind the other: in every case a reply is complete,
// nothing hangs, and the station stays.
TEST(FramingAttack, ChangedBytesNeitherHangNorEndTheStation) {
  StationProcess station{{.environment = {"ATELIER_TIMEOUT_SCALE=0.02"}}};
  std::mt19937 random{7};
  const auto pick = [&](std::size_t below) {
    return std::uniform_int_distribution<std::size_t>{0, below - 1}(random);
  };
  const std::string valid =
      "POST /v1/models HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
      "4;a=b\r\nabcd\r\n0\r\nT: x\r\n\r\n"
      "POST /v1/models HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nabcd"
      "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  const std::string interesting = "\r\n\t :;,0afx\"\x00\x7f\xff"s;
  const int rounds = attack_rounds(150, 5'000);
  for (int round = 0; round < rounds; ++round) {
    std::string bytes = valid;
    for (std::size_t i = pick(4) + 1; i > 0; --i) {
      const std::size_t at = pick(bytes.size());
      const char character = interesting[pick(interesting.size())];
      if (pick(3) == 0) {
        bytes.erase(at, 1);
      } else if (pick(2) == 0) {
        bytes.insert(at, 1, character);
      } else {
        bytes[at] = character;
      }
    }
    http::RawClient client{station.port()};
    client.send(bytes);
    client.half_close();
    int replies = 0;
    while (client.reply().status != 0) ++replies;
    EXPECT_LE(replies, 4) << testing::PrintToString(bytes);
    EXPECT_TRUE(client.closed_by_server()) << testing::PrintToString(bytes);
  }
  EXPECT_EQ(station.ask("GET", "/health").status, 200);
}

}  // namespace
}  // namespace atelier::api
