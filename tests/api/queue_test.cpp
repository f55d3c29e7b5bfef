// The queue over HTTP: pause, order, cancel many.
#include <gtest/gtest.h>

#include "station_process.h"

namespace atelier::api {
namespace {

class QueueApi : public testing::Test {
 protected:
  static constexpr auto kJob = R"({"prompt":"x","width":64,"height":64,"steps":2})";
  boost::json::value post(const std::string& path, const std::string& body, int status = 200) {
    const auto reply = station_.ask("POST", path, body);
    EXPECT_EQ(reply.status, status) << path << ": " << reply.body;
    return boost::json::parse(reply.body);
  }

  StationProcess station_;
};

TEST_F(QueueApi, JobsOfAPausedQueueWaitAreReorderedAndCancelled) {
  post("/api/v1/queue/pause", "{}");
  const auto first = station_.submit(kJob), second = station_.submit(kJob);
  const auto queue = station_.json("/api/v1/queue");
  EXPECT_EQ(queue.at("priorities").at(1).at("priority"), 2);
  EXPECT_EQ(queue.at("priorities").at(1).at("queued"), 2);
  EXPECT_EQ(queue.at("priorities").at(1).at("paused"), true);
  EXPECT_EQ(queue.at("running"), 0);

  EXPECT_EQ(post("/api/v1/jobs/" + second + "/priority", R"({"priority":3})").at("priority"), 3);
  EXPECT_EQ(post("/api/v1/jobs/" + first + "/front", "{}").at("state"), "queued");
  post("/api/v1/jobs/" + first + "/priority", R"({"priority":7})", 400);
  post("/api/v1/jobs/" + first + "/priority", "{}", 400);
  post("/api/v1/jobs/nothing/front", "{}", 404);
  post("/api/v1/queue/pause", R"({"priority":9})", 400);
  post("/api/v1/queue/pause", R"({"priority":"high"})", 400);
  post("/api/v1/queue/cancel", R"({"Priority":3})", 400);  // cancels nothing
  post("/api/v1/queue/cancel", R"({"task":"unknown"})", 400);
  EXPECT_EQ(station_.json("/api/v1/status").at("notices").as_array().size(), 1U);

  EXPECT_EQ(post("/api/v1/queue/cancel", R"({"priority":3})").at("cancelled"), 1);
  EXPECT_EQ(station_.wait_for(second, "cancelled").at("state"), "cancelled");
  EXPECT_EQ(station_.job(first).at("state"), "queued");
  post("/api/v1/queue/resume", R"({"priority":2})");
  EXPECT_EQ(station_.wait_for(first, "succeeded failed").at("state"), "succeeded");
  post("/api/v1/jobs/" + first + "/front", "{}", 409);
  EXPECT_EQ(post("/api/v1/queue/resume", "{}").at("priorities").at(0).at("paused"), false);
}

}  // namespace
}  // namespace atelier::api
