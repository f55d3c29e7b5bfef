// Reading of a connection: minimum rates, limits, and streams that end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "tests/doubles/running_server.h"

namespace atelier::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr const char* kPrompt = R"({"prompt":"x"})";

std::string get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

std::string post(const std::string& body) {
  return "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Sends a byte now and then until the server has had enough.
RawReply drip(int port, std::string_view begin, std::chrono::milliseconds pause) {
  RawClient client{port};
  client.send(begin);
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!client.readable() && std::chrono::steady_clock::now() < end) {
    client.send("x");
    std::this_thread::sleep_for(pause);
  }
  return client.reply();
}

class ConnectionInputTest : public testing::Test, protected RunningServer {};

TEST_F(ConnectionInputTest, AHeaderThatArrivesTooSlowlyIsRefused) {
  settings.limits.header_window = 300ms;
  start();
  const RawReply reply = drip(port(), "GET /health HTTP/1.1\r\nA: ", 20ms);
  EXPECT_EQ(reply.status, 408);
  EXPECT_THAT(reply.body, HasSubstr("header came too slowly"));
}

TEST_F(ConnectionInputTest, ABodyThatArrivesTooSlowlyIsRefusedHoweverFastItBegan) {
  settings.limits.body_window = 300ms;
  start();
  const std::string begin =
      "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n";
  EXPECT_EQ(drip(port(), begin, 20ms).status, 408);
  EXPECT_EQ(drip(port(), begin + std::string(1'000'000, 'x'), 20ms).status, 408);
  const RawReply chunks = drip(
      port(),
      "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n",
      20ms);
  EXPECT_EQ(chunks.status, 408);
}

TEST_F(ConnectionInputTest, ABodyThatKeepsTheRateMayTakeItsTime) {
  settings.limits.body_window = 2000ms;
  settings.limits.body_window_bytes = 1000;
  start();
  RawClient client{port()};
  client.send("POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12014\r\n\r\n");
  client.send(kPrompt);
  for (int i = 0; i < 12; ++i) {
    std::this_thread::sleep_for(250ms);
    ASSERT_TRUE(client.send(std::string(1000, ' ')));
  }
  scheduler.succeed(scheduler.wait_for_job());
  EXPECT_EQ(client.reply().status, 200);
}

TEST_F(ConnectionInputTest, AHalfClosedClientIsAnswered) {
  start();
  RawClient one{port()};
  one.send(get("/health"));
  one.half_close();
  EXPECT_EQ(one.reply().status, 200);
  EXPECT_TRUE(one.closed_by_server());
  RawClient several{port()};
  several.send(get("/health") + get("/v1/models") + get("/v1/nothing"));
  several.half_close();
  EXPECT_EQ(several.reply().status, 200);
  EXPECT_EQ(several.reply().status, 200);
  EXPECT_EQ(several.reply().status, 404);
  EXPECT_TRUE(several.closed_by_server());
  RawClient job{port()};  // accepted at once: nothing is awaited
  job.request("POST", "/api/v1/jobs", R"({"input":{"prompt":"x"}})");
  job.half_close();
  EXPECT_EQ(job.reply().status, 202);
}

TEST_F(ConnectionInputTest, ARequestThatEndsTooEarlyIsAnsweredAndNotServed) {
  start();
  for (const std::string& bytes :
       {std::string{"GET /health HTTP/1.1\r\nHost: localhost\r\n"},
        std::string{"POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n"} +
            kPrompt,
        std::string{"POST /v1/generate HTTP/1.1\r\nHost: localhost\r\n"
                    "Transfer-Encoding: chunked\r\n\r\ne\r\n"} +
            kPrompt + "\r\n0\r\n"}) {  // without the last empty line
    RawClient client{port()};
    client.send(bytes);
    client.half_close();
    const RawReply reply = client.reply();
    EXPECT_EQ(reply.status, 400) << bytes;
    EXPECT_THAT(reply.body, HasSubstr("the request ends inside its"));
    EXPECT_TRUE(client.closed_by_server());
  }
  EXPECT_EQ(scheduler.submitted().size(), 0U);
}

TEST_F(ConnectionInputTest, WhileAJobIsAwaitedTheEndOfTheStreamMeansThatTheClientLeft) {
  start();
  RawClient client{port()};
  client.send(post(kPrompt));
  const std::string id = scheduler.wait_for_job();
  ASSERT_TRUE(scheduler.wait_for_listener(id));
  client.half_close();
  EXPECT_TRUE(scheduler.wait_until_cancelled(id));
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(ConnectionInputTest, ALeavingClientIsDetectedBehindPipelinedRequests) {
  start();
  std::size_t number = 0;
  for (const std::size_t ahead : {std::size_t{100}, std::size_t{16} << 10, std::size_t{8} << 20}) {
    RawClient client{port()};
    client.send(post(kPrompt));
    const std::string id = scheduler.wait_for_job(++number);
    ASSERT_TRUE(scheduler.wait_for_listener(id));
    client.send("GET /" + std::string(ahead, 'x'));
    client.close();
    EXPECT_TRUE(scheduler.wait_until_cancelled(id)) << ahead;
  }
}

TEST_F(ConnectionInputTest, RequestsBehindACallThatWaitsAreAnsweredAfterIt) {
  start();
  RawClient client{port()};
  client.send(post(kPrompt));
  const std::string id = scheduler.wait_for_job();
  ASSERT_TRUE(scheduler.wait_for_listener(id));
  client.send(get("/health") + post(kPrompt) + get("/v1/nothing"));
  scheduler.succeed(id);
  EXPECT_EQ(client.reply().status, 200);
  EXPECT_EQ(client.reply().status, 200);
  scheduler.succeed(scheduler.wait_for_job(2));
  EXPECT_EQ(client.reply().status, 200);
  EXPECT_EQ(client.reply().status, 404);
}

TEST_F(ConnectionInputTest, AClientThatPipelinesTooMuchGetsItsReplyAndIsClosed) {
  start();
  RawClient client{port()};
  client.send(post(kPrompt));
  const std::string id = scheduler.wait_for_job();
  ASSERT_TRUE(scheduler.wait_for_listener(id));
  client.send(std::string(1 << 20, 'x'));
  std::this_thread::sleep_for(200ms);
  scheduler.succeed(id);
  const RawReply reply = client.reply();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("connection"), "close");
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(ConnectionInputTest, AnEmptyLineBetweenRequestsIsSkipped) {
  start();
  RawClient client{port()};
  client.send(get("/health") + "\r\n" + get("/health"));
  EXPECT_EQ(client.reply().status, 200);
  EXPECT_EQ(client.reply().status, 200);
  client.send("\r\n");  // no request yet, so nothing is answered when the stream ends
  client.half_close();
  EXPECT_EQ(client.reply().status, 0);
  EXPECT_TRUE(client.closed_by_server());
}

// Each holds a second request that another reader would see.
TEST_F(ConnectionInputTest, ClosesWhereTheEndOfARequestIsAmbiguous) {
  start();
  const std::string hidden =
      "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 24\r\n"
      "\r\n{\"input\":{\"prompt\":\"x\"}}";
  for (const char* fields :
       {"Transfer-Encoding: identity\r\n", "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked, identity\r\n",
        "Content-Length: 0\r\nContent-Length: 0\r\n"}) {
    RawClient client{port()};
    client.send("GET /health HTTP/1.1\r\nHost: localhost\r\n" + std::string{fields} + "\r\n" +
                hidden);
    const RawReply reply = client.reply();
    EXPECT_TRUE(reply.status == 400 || reply.status == 501) << fields;
    EXPECT_EQ(reply.header("connection"), "close") << fields;
    EXPECT_EQ(client.reply().status, 0) << fields;
  }
  EXPECT_EQ(scheduler.submitted().size(), 0U);
}

TEST_F(ConnectionInputTest, RefusesChunksThatReadersDivideDifferently) {
  start();
  using namespace std::string_literals;
  for (const std::string& chunks :
       {"e;a=\"\n\"\r\n{\"prompt\":\"x\"}\r\n0\r\n\r\n"s, "e\n{\"prompt\":\"x\"}\r\n0\r\n\r\n"s,
        "0xe\r\n{\"prompt\":\"x\"}\r\n0\r\n\r\n"s, "-e\r\n{\"prompt\":\"x\"}\r\n0\r\n\r\n"s,
        "e \r\n{\"prompt\":\"x\"}\r\n0\r\n\r\n"s, "\r\n{\"prompt\":\"x\"}\r\n0\r\n\r\n"s,
        "ffffffffffffffffe\r\n{\"prompt\":\"x\"}\r\n0\r\n\r\n"s,
        "e\r\n{\"prompt\":\"x\"}0\r\n\r\n"s, "e\r\n{\"prompt\":\"x\"}\n0\r\n\r\n"s,
        "e\r\n{\"prompt\":\"x\"}\r\n0\r\nContent-Length: 5\r\n\r\n"s,
        "e\r\n{\"prompt\":\"x\"}\r\n0\r\nTransfer-Encoding: gzip\r\n\r\n"s,
        "e\r\n{\"prompt\":\"x\"}\r\n0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"s,
        "e;" + std::string(6000, 'a') + "\r\n{\"prompt\":\"x\"}\r\n0\r\n\r\n",
        std::string(20'000, '0') + "e\r\n", "0\r\nA: " + std::string(30'000, 'a')}) {
    RawClient client{port()};
    client.send(
        "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" +
        chunks);
    const RawReply reply = client.reply();
    EXPECT_EQ(reply.status, 400) << chunks.substr(0, 80);
    EXPECT_EQ(reply.header("connection"), "close");
    client.half_close();
    EXPECT_TRUE(client.closed_by_server());
  }
  EXPECT_EQ(scheduler.submitted().size(), 0U);
}

TEST_F(ConnectionInputTest, TakesChunksWithExtensionsAndTrailers) {
  start();
  RawClient client{port()};
  client.send(
      "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "7;a=b;c=\"d\"\r\n{\"promp\r\n007\r\nt\":\"x\"}\r\n0;e\r\nAuthorization: Bearer x\r\n\r\n" +
      get("/health"));
  scheduler.succeed(scheduler.wait_for_job());
  EXPECT_EQ(client.reply().status, 200);
  EXPECT_EQ(client.reply().status, 200);
}

}  // namespace
}  // namespace atelier::http
