// The native API: submit, follow, lose a worker, cancel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "picture_bytes.h"
#include "platform/base64.h"
#include "station_process.h"

namespace atelier::api {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string text_at(const boost::json::value& object, const char* key) {
  return object.is_object() ? std::string{object.at(key).as_string()} : std::string{};
}

class JobsApi : public testing::Test {
 protected:
  static void SetUpTestSuite() { station = new StationProcess{{.fake = "step_ms=20"}}; }
  static void TearDownTestSuite() { delete station; }
  static StationProcess* station;
};
StationProcess* JobsApi::station = nullptr;

TEST_F(JobsApi, AJobIsAcceptedAndItsPictureCanBeFetched) {
  const std::string id = station->submit(R"({"prompt":"x","width":64,"height":72,"steps":3})");
  const auto job = station->wait_for(id, "succeeded failed");
  ASSERT_EQ(text_at(job, "state"), "succeeded") << station->log();
  const std::string artifact{job.at("result").at("artifacts").at(0).as_string()};
  const auto picture = station->ask("GET", "/api/v1/artifacts/" + artifact);
  EXPECT_EQ(picture.header("content-type"), "image/png");
  EXPECT_EQ(png_size(picture.body).height, 72U);
  const auto again = station->ask("GET", "/api/v1/artifacts/" + artifact, {},
                                  "If-None-Match: " + picture.header("etag") + "\r\n");
  EXPECT_EQ(again.status, 304);
  EXPECT_THAT(station->ask("GET", "/api/v1/jobs?limit=3").body, HasSubstr(id));
}

TEST_F(JobsApi, TheListIsChosenByStateAndByAge) {
  std::vector<std::string> made;
  for (int i = 0; i < 3; ++i) {
    made.push_back(station->submit(R"({"prompt":"x","width":64,"height":64,"steps":1})"));
    ASSERT_EQ(text_at(station->wait_for(made.back(), "succeeded failed"), "state"), "succeeded");
  }
  const auto ids = [](const std::string& query) {
    std::vector<std::string> result;
    const auto list = station->json("/api/v1/jobs" + query);
    for (const auto& job : list.at("jobs").as_array()) result.push_back(text_at(job, "id"));
    return result;
  };
  EXPECT_THAT(ids("?state=succeeded,failed&limit=1&before=" + made[2]),
              testing::ElementsAre(made[1]));
  EXPECT_THAT(ids("?state=succeeded&limit=2"), testing::ElementsAre(made[2], made[1]));
  EXPECT_THAT(ids("?state=queued,running"), testing::IsEmpty());
  EXPECT_EQ(station->ask("GET", "/api/v1/jobs?state=asleep").status, 400);
  EXPECT_THAT(ids("?task=generate&limit=1"), testing::ElementsAre(made[2]));
  EXPECT_EQ(station->ask("GET", "/api/v1/jobs?task=dance").status, 400);
}

TEST_F(JobsApi, TheTasksAreListedWithTheirParameters) {
  // Accepted once the worker has sent its hello.
  ASSERT_NE(station->submit(R"({"prompt":"x","width":64,"height":64,"steps":1})"), "");
  const auto tasks = station->json("/api/v1/tasks");
  const auto& generate = tasks.at("tasks").at(0);
  EXPECT_EQ(text_at(generate, "id"), "generate");
  EXPECT_EQ(generate.at("available"), true);
  EXPECT_EQ(text_at(generate.at("attachments").at(0), "role"), "image");
  EXPECT_EQ(text_at(generate, "default_model"), "fake");
  // What the device does not compute in is not offered.
  const auto dtypes_of = [](const boost::json::value& rows) {
    for (const auto& row : rows.as_array()) {
      if (text_at(row, "name") == "dtype") return boost::json::serialize(row.at("choices"));
    }
    return std::string("no such row");
  };
  EXPECT_EQ(dtypes_of(generate.at("parameters")), R"(["fp32","bf16"])");
  const auto models = station->json("/api/v1/models");
  const auto& served = models.at("models").at(0).at("tasks").at(0);
  EXPECT_EQ(dtypes_of(served.at("parameters")), R"(["fp32","bf16"])");
}

TEST_F(JobsApi, UnknownFieldsAreWarningsOfTheReplyAndOfTheJob) {
  const auto reply = station->ask(
      "POST", "/api/v1/jobs",
      R"({"input":{"prompt":"x","width":64,"height":64,"steps":1,"stepz":3,"strength":0.5}})");
  ASSERT_EQ(reply.status, 202) << reply.body;
  EXPECT_THAT(reply.body, HasSubstr("unknown field 'stepz' was ignored (did you mean 'steps'?)"));
  EXPECT_THAT(reply.body, HasSubstr("/input/strength was ignored"));
  const auto job =
      station->wait_for(text_at(boost::json::parse(reply.body), "id"), "succeeded failed");
  EXPECT_EQ(job.at("warnings").as_array().size(), 2U);
  EXPECT_EQ(job.at("result").at("used").at("warnings").as_array().size(), 2U);
}

TEST_F(JobsApi, EventsComeAsTheyHappenAndCanBeReplayed) {
  const std::string id =
      station->submit(R"({"prompt":"x","width":64,"height":64,"steps":10,"preview_every":2})");
  http::RawClient client{station->port()};
  client.request("GET", "/api/v1/jobs/" + id + "/events");
  EXPECT_THAT(client.text_until("\r\n\r\n"), HasSubstr("text/event-stream"));
  EXPECT_THAT(client.text_until("\n\n"), HasSubstr("retry: "));
  std::vector<std::string> events;
  for (std::string text = client.text_until("\n\n"); !text.empty();
       text = client.text_until("\n\n")) {
    if (!text.starts_with(":")) events.push_back(text);
  }
  ASSERT_GT(events.size(), 5U);
  EXPECT_THAT(events.back(), HasSubstr(R"("state":"succeeded")"));
  EXPECT_TRUE(client.closed_by_server());
  const auto number_of = [](const std::string& event) { return std::stoll(event.substr(4)); };
  const std::size_t middle = events.size() - 3;
  http::RawClient later{station->port()};
  later.request("GET", "/api/v1/jobs/" + id + "/events", {},
                "Last-Event-ID: " + std::to_string(number_of(events[middle])) + "\r\n");
  later.text_until("\r\n\r\n");
  later.text_until("\n\n");
  const std::string next = later.text_until("\n\n");
  EXPECT_GT(number_of(next), number_of(events[middle])) << next;
  std::string last = next;
  for (std::string text = next; !text.empty(); text = later.text_until("\n\n")) last = text;
  EXPECT_THAT(last, HasSubstr(R"("state":"succeeded")"));
}

// Text events of a job until its end; the client leaves after `count` of them where that is not 0.
struct TextEvents {
  std::string text;
  std::int64_t last_id = 0;
  int starts = 0, pieces = 0;
  bool ended = false;

  void follow(int port, const std::string& id, int count) {
    http::RawClient client{port};
    client.request("GET", "/api/v1/jobs/" + id + "/events", {},
                   "Last-Event-ID: " + std::to_string(last_id) + "\r\n");
    client.text_until("\r\n\r\n");
    const int before = pieces;
    for (std::string event = client.text_until("\n\n"); !event.empty() && !ended;
         event = client.text_until("\n\n")) {
      if (!event.starts_with("id: ")) continue;
      last_id = std::stoll(event.substr(4));
      ended = event.find("event: end") != std::string::npos;
      if (event.find("event: text") == std::string::npos) continue;
      const auto data = boost::json::parse(event.substr(event.find("data: ") + 6));
      EXPECT_EQ(text_at(data, "job"), id);
      if (data.at("offset").as_int64() == 0) {
        text.clear();
        ++starts;
      }
      EXPECT_EQ(data.at("offset").as_int64(), std::ssize(text));
      text += text_at(data, "text");
      if (++pieces == before + count) return;
    }
  }
};

TEST(StationApi, TextIsStreamedFromTheWorkerToClientsThatComeAndGo) {
  const StationProcess station{{.fake = "step_ms=50,words=80"}};
  const auto id = station.submit(R"({"prompt":"x","width":64,"height":64,"steps":40})");
  TextEvents visits;
  for (int visit = 0; visit < 4; ++visit) {
    visits.follow(station.port(), id, 5);
    const auto shown = station.job(id);
    if (visit == 1) {
      EXPECT_TRUE(text_at(shown.at("progress"), "text").starts_with(visits.text));
      EXPECT_TRUE(visits.text.starts_with("wörd1 wörd2 ")) << visits.text;
    }
  }
  TextEvents newcomer;
  std::jthread other{[&] { newcomer.follow(station.port(), id, 0); }};
  visits.follow(station.port(), id, 0);
  other.join();
  EXPECT_TRUE(newcomer.ended && visits.ended);
  EXPECT_EQ(newcomer.text, visits.text);
  EXPECT_THAT(visits.text, testing::EndsWith(" wörd80"));
  EXPECT_EQ(visits.starts, 1);
  EXPECT_EQ(newcomer.starts, 1);
  EXPECT_LT(newcomer.pieces, 80);
  EXPECT_EQ(text_at(station.job(id).at("progress"), "text"), "");
}

TEST(StationApi, CommandsFollowJobsThatStreamText) {
  const StationProcess station{{.fake = "step_ms=5,words=20"}};
  const std::string program = "ATELIER_HOME='" + station.home().string() +
                              "' ATELIER_ENGINE=fake ATELIER_FAKE=step_ms=5,words=20 "
                              "'" ATELIER_BIN_DIR
                              "/atelier' generate x --size 64x64 --steps 5 -o '";
  const auto first = station.home() / "first.png";
  EXPECT_EQ(std::system((program + first.string() + "'").c_str()), 0);
  EXPECT_TRUE(std::filesystem::exists(first));
  EXPECT_EQ(station.json("/api/v1/jobs").at("jobs").as_array().size(), 1U);  // the station ran it
  const auto second = station.home() / "second.png";
  EXPECT_EQ(std::system((program + second.string() + "' --alone").c_str()), 0);
  EXPECT_TRUE(std::filesystem::exists(second));
}

TEST_F(JobsApi, ARunningJobIsCancelledQuickly) {
  const std::string id = station->submit(R"({"prompt":"x","width":64,"height":64,"steps":900})");
  ASSERT_EQ(text_at(station->wait_for(id, "running"), "state"), "running");
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(station->ask("POST", "/api/v1/jobs/" + id + "/cancel").status, 200);
  EXPECT_EQ(text_at(station->wait_for(id, "cancelled succeeded failed"), "state"), "cancelled");
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
}

TEST_F(JobsApi, AClientThatLeavesCancelsItsJob) {
  const auto newest = [] { return station->json("/api/v1/jobs?limit=1").at("jobs").at(0); };
  {
    http::RawClient client{station->port()};
    client.request("POST", "/v1/generate",
                   R"({"prompt":"left alone","width":64,"height":64,"steps":900})");
    for (int i = 0; i < 500 && text_at(newest(), "state") != "running"; ++i) {
      std::this_thread::sleep_for(10ms);
    }
    ASSERT_EQ(newest().at("input").at("prompt"), "left alone");
  }
  EXPECT_EQ(text_at(station->wait_for(text_at(newest(), "id"), "cancelled succeeded"), "state"),
            "cancelled");
}

TEST_F(JobsApi, AWorkerThatIsKilledIsReplacedAndItsJobRunsAgain) {
  const std::string id = station->submit(R"({"prompt":"x","width":64,"height":64,"steps":60})");
  ASSERT_EQ(text_at(station->wait_for(id, "running"), "state"), "running");
  const auto worker = station->json("/api/v1/status").at("workers").at(0);
  const auto pid = static_cast<pid_t>(worker.at("pid").as_int64());
  ASSERT_GT(pid, 1);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  const auto job = station->wait_for(id, "succeeded failed");
  EXPECT_EQ(text_at(job, "state"), "succeeded") << station->log();
  EXPECT_EQ(job.at("attempt"), 2);
  EXPECT_NE(station->json("/api/v1/status").at("workers").at(0).at("pid"), worker.at("pid"));
}

TEST_F(JobsApi, AJobThatHasEndedIsRetriedByHand) {
  const std::string id = station->submit(R"({"prompt":"x","width":64,"height":64,"steps":900})");
  EXPECT_EQ(station->ask("POST", "/api/v1/jobs/" + id + "/retry").status, 409);
  EXPECT_EQ(station->ask("POST", "/api/v1/jobs/" + id + "/cancel").status, 200);
  const auto ended = station->wait_for(id, "cancelled succeeded failed");
  const auto reply = station->ask("POST", "/api/v1/jobs/" + id + "/retry");
  ASSERT_EQ(reply.status, 202) << reply.body;
  const auto again = boost::json::parse(reply.body);
  EXPECT_NE(again.at("id"), ended.at("id"));
  EXPECT_EQ(again.at("input"), ended.at("input"));  // the seed that was drawn is the same
  EXPECT_EQ(reply.header("location"), "/api/v1/jobs/" + text_at(again, "id"));
  EXPECT_EQ(station->ask("POST", "/api/v1/jobs/" + text_at(again, "id") + "/cancel").status, 200);
  EXPECT_EQ(text_at(station->job(id), "state"), "cancelled");  // which stays as it was
  EXPECT_EQ(station->ask("POST", "/api/v1/jobs/nothing/retry").status, 404);
}

TEST_F(JobsApi, ARetryKeepsItsPictures) {
  const std::string bytes = png(64, 64);
  const std::string image =
      platform::base64_encode({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  const std::string id = station->submit(
      R"({"prompt":"x","steps":2,"strength":0.9,"width":64,"height":64,"image":")" + image + "\"}");
  ASSERT_EQ(text_at(station->wait_for(id, "succeeded failed"), "state"), "succeeded");
  const auto reply = station->ask("POST", "/api/v1/jobs/" + id + "/retry");
  ASSERT_EQ(reply.status, 202) << reply.body;
  const auto again = boost::json::parse(reply.body);
  EXPECT_NE(text_at(again.at("input"), "image_artifact"), "");
  EXPECT_EQ(text_at(station->wait_for(text_at(again, "id"), "succeeded failed"), "state"),
            "succeeded");
}

std::string base64(const std::string& bytes) {
  return platform::base64_encode(
      {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

std::string enhancement(const std::string& more) {
  return R"({"task":"enhance","input":{"image":")" + base64(png(64, 96)) + "\"" + more + "}}";
}

std::size_t files_below(const std::filesystem::path& folder) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    files += entry.is_regular_file() ? 1U : 0U;
  }
  return files;
}

TEST_F(JobsApi, ACompositeTaskRunsItsStepsAndIsDescribedLikeEveryTask) {
  const auto reply = station->ask("POST", "/api/v1/jobs", enhancement(R"(,"steps":8)"));
  ASSERT_EQ(reply.status, 202) << reply.body;
  const auto job =
      station->wait_for(text_at(boost::json::parse(reply.body), "id"), "succeeded failed");
  ASSERT_EQ(text_at(job, "state"), "succeeded") << station->log();
  const auto& result = job.at("result");
  const auto& steps = result.at("used").at("steps").as_array();
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(text_at(steps[0], "task"), "upscale");
  EXPECT_EQ(text_at(steps[1], "title"), "Refine");
  ASSERT_EQ(result.at("artifacts").as_array().size(), 1U);
  const auto picture = station->ask(
      "GET", "/api/v1/artifacts/" + std::string{result.at("artifacts").at(0).as_string()});
  EXPECT_EQ(png_size(picture.body).width, 128U);
  EXPECT_EQ(png_size(picture.body).height, 192U);
  EXPECT_EQ(text_at(job.at("progress"), "part"), "Refine (2 of 2)");
  EXPECT_EQ(files_below(station->home() / "artifacts" / "steps"), 0U);
  bool listed = false;
  const auto tasks = station->json("/api/v1/tasks");
  for (const auto& task : tasks.at("tasks").as_array()) {
    listed = listed || (text_at(task, "id") == "enhance" && task.at("available") == true);
  }
  EXPECT_TRUE(listed);
  EXPECT_TRUE(station->json("/openapi.json")
                  .at("components")
                  .at("schemas")
                  .as_object()
                  .contains("EnhanceInput"));
  const auto refused = station->ask("POST", "/api/v1/jobs", enhancement(R"(,"upscaler":"none")"));
  EXPECT_EQ(refused.status, 404);
  EXPECT_THAT(refused.body, HasSubstr("step 1 of 2 (Enlarge)"));
  const auto large = station->ask("POST", "/api/v1/jobs", enhancement(R"(,"scale":0)"));
  EXPECT_THAT(large.body, HasSubstr(R"("field":"/input/scale")"));
}

TEST_F(JobsApi, DescribesItselfToProgramsAndPeople) {
  EXPECT_EQ(station->json("/openapi.json").at("openapi"), "3.1.0");
  EXPECT_EQ(station->ask("GET", "/docs").header("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(station->ask("GET", "/").header("content-type"), "text/html; charset=utf-8");
}

TEST(StationApi, AFullQueueIsReportedAndStopsCleanly) {
  StationProcess station{{.fake = "step_ms=50", .environment = {"ATELIER_QUEUE_MAX=2"}}};
  const std::string body = R"({"prompt":"x","width":64,"height":64,"steps":900})";
  const auto running = station.submit(body);
  ASSERT_TRUE(station.wait_for(running, "running").is_object());  // both places are free now
  EXPECT_FALSE(station.submit(body).empty());
  EXPECT_FALSE(station.submit(body).empty());
  EXPECT_TRUE(station.submit(body).empty());
  const auto reply = station.ask("POST", "/v1/generate", body);
  EXPECT_EQ(reply.status, 429);
  EXPECT_THAT(reply.body, HasSubstr("Queue is full"));
  EXPECT_FALSE(reply.header("retry-after").empty());
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(station.stop(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
}

TEST(StationApi, AKilledStationGoesOnAfterTheFinishedStepAndLeavesNoPictureOfSteps) {
  StationProcess station{{.fake = "step_ms=30"}};
  const auto reply =
      station.ask("POST", "/api/v1/jobs", enhancement(R"(,"steps":200,"strength":0.5)"));
  ASSERT_EQ(reply.status, 202) << reply.body;
  const auto id = text_at(boost::json::parse(reply.body), "id");
  const auto refines = [&] {
    const auto progress = station.job(id).at("progress");
    return text_at(progress, "part") == "Refine (2 of 2)" &&
           text_at(progress, "stage") == "denoise";
  };
  for (int i = 0; i < 1000 && !refines(); ++i) std::this_thread::sleep_for(10ms);
  ASSERT_TRUE(refines());
  const auto folder = station.home() / "artifacts" / "steps";
  EXPECT_EQ(files_below(folder), 1U);
  station.crash();
  const std::string unnamed(32, 'e');  // a picture that was stored and not written down
  std::filesystem::create_directories(folder / "ee");
  std::ofstream(folder / "ee" / (unnamed + ".png")) << "x";
  ASSERT_TRUE(station.start_again({.fake = "step_ms=1"}));
  EXPECT_FALSE(std::filesystem::exists(folder / "ee" / (unnamed + ".png")));
  const auto job = station.wait_for(id, "succeeded failed");
  EXPECT_EQ(text_at(job, "state"), "succeeded") << station.log();
  EXPECT_EQ(job.at("result").at("used").at("steps").as_array().size(), 2U);
  EXPECT_EQ(files_below(folder), 0U);
}

TEST(StationApi, StopsCleanlyWithClientsInEveryState) {
  for (const auto pause : {0ms, 5ms, 50ms}) {
    StationProcess station{{.fake = "step_ms=1"}};
    const std::string body = R"({"prompt":"x","width":64,"height":64,"steps":900})";
    const auto job = station.submit(body);
    std::vector<std::unique_ptr<http::RawClient>> clients;
    for (int i = 0; i < 20; ++i) {
      clients.push_back(std::make_unique<http::RawClient>(station.port()));
      auto& client = *clients.back();
      if (i % 5 == 1) client.send("POST /v1/generate HTTP/1.1\r\nHost: loc");
      if (i % 5 == 2) client.request("POST", "/v1/generate", body);
      if (i % 5 == 3) client.request("GET", "/api/v1/jobs/" + job + "/events");
      if (i % 5 == 4) client.request("GET", "/health");
    }
    std::this_thread::sleep_for(pause);
    for (std::size_t i = 0; i < clients.size(); i += 3) clients[i]->close();
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(station.stop(), 0) << station.log();
    EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  }
}

TEST(StationApi, OutOfMemoryIsReportedWithTheTextThatClientsExpect) {
  StationProcess station{{.fake = "step_ms=5,oom_at_step=1"}};
  const auto reply =
      station.ask("POST", "/v1/generate", R"({"prompt":"x","width":64,"height":64,"steps":2})");
  EXPECT_EQ(reply.status, 500) << reply.body;
  EXPECT_THAT(reply.body, HasSubstr("out of memory"));
}

}  // namespace
}  // namespace atelier::api
