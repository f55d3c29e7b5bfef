// The real time of the longest call that clients make: half an hour in one request.
#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>

#include "station_process.h"

namespace atelier::api {
namespace {

TEST(LongCallApi, ACallOfHalfAnHourGetsItsReply) {
  StationProcess station{{.fake = "step_ms=1880"}};
  http::RawClient client{station.port()};
  const auto before = std::chrono::steady_clock::now();
  client.request("POST", "/v1/generate",
                 R"({"prompt":"patience","width":64,"height":64,"steps":960})");
  client.patience = std::chrono::minutes{40};
  EXPECT_EQ(client.reply().status, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::minutes{30});
}

}  // namespace
}  // namespace atelier::api
