#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>

#include "http/base64.h"
#include "http/endpoints/all_endpoints.h"
#include "tests/doubles/running_server.h"

namespace atelier::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class ServerTest : public testing::Test, protected RunningServer {};

TEST_F(ServerTest, AnswersHealthToGetAndHead) {
  start();
  const RawReply get = ask("GET", "/health");
  EXPECT_EQ(get.status, 200);
  EXPECT_EQ(get.body, R"({"status":"ok","server":"moondream-station"})");
  const RawReply head = ask("HEAD", "/health");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), get.header("content-length"));
}

TEST_F(ServerTest, KeepsTheConnectionForTheNextRequest) {
  start();
  RawClient client{port()};
  for (int i = 0; i < 3; ++i) {
    client.request("GET", "/health");
    EXPECT_EQ(client.reply().status, 200);
  }
}

TEST_F(ServerTest, AnswersRequestsThatWereSentTogetherInOrder) {
  start();
  RawClient client{port()};
  client.send(
      "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /nothing HTTP/1.1\r\nHost: "
      "localhost\r\n\r\n");
  EXPECT_EQ(client.reply().status, 200);
  EXPECT_EQ(client.reply().status, 200);  // the page's sentence
}

TEST_F(ServerTest, RefusesForeignNamesOnEveryPathAndMethod) {
  start();
  for (const char* path : {"/health", "/v1/models", "/", "/api/v1/jobs", "/openapi.json"}) {
    for (const char* method : {"GET", "HEAD", "POST", "OPTIONS", "DELETE"}) {
      EXPECT_EQ(ask(method, path, {}, "Host: evil.example\r\n").status, 421) << method << path;
      EXPECT_EQ(ask(method, path, {}, "Host: 127.0.0.1.evil.example\r\n").status, 421);
      EXPECT_EQ(ask(method, path, {}, "Origin: https://evil.example\r\n").status, 403) << path;
      EXPECT_EQ(ask(method, path, {}, "Origin: null\r\n").status, 403) << path;
    }
  }
  EXPECT_EQ(scheduler.submitted().size(), 0U);
}

TEST_F(ServerTest, EchoesAnAllowedOriginAndExposesTheHeaders) {
  settings.allowed_origins = {"https://gallery.example"};
  start();
  for (const char* origin : {"http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:3000",
                             "https://gallery.example"}) {
    const RawReply reply = ask("GET", "/v1/models", {}, std::string{"Origin: "} + origin + "\r\n");
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.header("access-control-allow-origin"), origin);
    const RawReply unknown = ask("GET", "/v1/none", {}, std::string{"Origin: "} + origin + "\r\n");
    EXPECT_EQ(unknown.header("access-control-allow-origin"), origin);
    EXPECT_EQ(reply.header("vary"), "Origin");
    for (const char* name :
         {"X-VRAM-Used", "X-VRAM-Total", "X-Inference-Time", "X-Model-Load-Time"}) {
      EXPECT_THAT(reply.header("access-control-expose-headers"), HasSubstr(name));
    }
  }
}

TEST_F(ServerTest, NoOtherOriginIsEchoedWhateverTheAnswer) {
  settings.api_key = "secret";
  start();
  for (const char* fields : {"Origin: https://evil.example\r\n", "Origin: null\r\n",
                             "Origin: http://localhost.evil.a\r\n",
                             "Origin: https://evil.example\r\nHost: evil.example\r\n",
                             "Origin: https://evil.example\r\nHost: a b\r\n",
                             "Origin: https://evil.example\r\nTransfer-Encoding: gzip\r\n"}) {
    for (const char* method : {"GET", "OPTIONS"}) {
      for (const char* path : {"/v1/models", "/health", "/none.html", "/%zz"}) {
        const RawReply reply = ask(method, path, {}, fields);
        EXPECT_GE(reply.status, 400) << method << path << fields;
        EXPECT_EQ(reply.header("access-control-allow-origin"), "") << method << path << fields;
      }
    }
  }
  const RawReply unread = ask("GET", "/v1/models", {}, "Origin: http://localhost\r\n folded\r\n");
  EXPECT_EQ(unread.header("access-control-allow-origin"), "");
}

TEST_F(ServerTest, AnAbsoluteAddressNamesTheHostThatTheHeaderNames) {
  start();
  for (const auto& [target, host, status] :
       {std::tuple{"http://localhost/health", "localhost", 200},
        {"HTTP://LOCALHOST:80/health", "localhost", 200},
        {"http://127.0.0.1:2020/health", "127.0.0.1:2020", 200},
        {"http://127.0.0.1/health", "localhost", 400},
        {"http://localhost:81/health", "localhost", 400},
        {"http://evil.example/health", "localhost", 400},
        {"http://evil.example/health", "evil.example", 421},
        {"http://user@localhost/health", "localhost", 400},
        {"http://localhost@evil.example/health", "localhost", 400},
        {"ftp://localhost/health", "localhost", 400}}) {
    RawClient client{port()};
    client.send("GET " + std::string{target} + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    EXPECT_EQ(client.reply().status, status) << target << " " << host;
  }
}

TEST_F(ServerTest, WrongKeysAreDelayedAndLogged) {
  settings.api_key = "secret";
  std::mutex mutex;
  std::string lines;
  settings.log = [&](std::string_view line) {
    const std::lock_guard lock{mutex};
    lines += line;
  };
  start();
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(ask("GET", "/v1/models", {}, "Authorization: Bearer one\r\n").status, 401);
  EXPECT_EQ(ask("GET", "/v1/models", {}, "X-Moondream-Auth: two\r\n").status, 401);
  EXPECT_GE(std::chrono::steady_clock::now() - before, 700ms);
  EXPECT_EQ(ask("GET", "/v1/models", {}, "Authorization: Bearer secret\r\n").status, 200);
  EXPECT_EQ(ask("GET", "/v1/models").status, 401);
  EXPECT_EQ(ask("GET", "/health", {}, "Authorization: Bearer three\r\n").status, 200);
  const std::lock_guard lock{mutex};
  EXPECT_THAT(lines, HasSubstr("a wrong key came from 127.0.0.1 (2 so far)"));
  EXPECT_THAT(lines, Not(HasSubstr("3 so far")));
}

TEST_F(ServerTest, GuessingWithManyConnectionsOrLeavingEarlyIsNoFaster) {
  settings.api_key = "secret";
  start();
  for (int i = 0; i < 12; ++i) {  // these do not wait for their answers
    RawClient client{port()};
    client.request("GET", "/v1/models", {}, "Authorization: Bearer guess\r\n");
  }
  const auto before = std::chrono::steady_clock::now();
  RawReply reply = ask("GET", "/v1/models", {}, "Authorization: Bearer guess\r\n");
  for (int i = 0; i < 50 && reply.status == 401; ++i) {  // until those have arrived
    reply = ask("GET", "/v1/models", {}, "Authorization: Bearer guess\r\n");
  }
  EXPECT_EQ(reply.status, 429);
  EXPECT_NE(reply.header("retry-after"), "");
  EXPECT_EQ(ask("GET", "/health").status, 200);
  int status = 429;
  while (status == 429 && std::chrono::steady_clock::now() - before < 60s) {
    std::this_thread::sleep_for(100ms);
    status = ask("GET", "/v1/models", {}, "Authorization: Bearer secret\r\n").status;
  }
  EXPECT_EQ(status, 200);
}

TEST_F(ServerTest, AnswersPreflights) {
  start();
  const RawReply reply =
      ask("OPTIONS", "/v1/images/generations", {},
          "Origin: http://localhost:3000\r\nAccess-Control-Request-Method: POST\r\n"
          "Access-Control-Request-Headers: content-type,x-vram-mode\r\n");
  EXPECT_EQ(reply.status, 204);
  EXPECT_EQ(reply.header("access-control-allow-origin"), "http://localhost:3000");
  EXPECT_THAT(
      reply.header("access-control-allow-headers"),
      HasSubstr("Content-Type, X-VRAM-Mode, Authorization, X-Moondream-Auth, X-Auto-Unload"));
  EXPECT_THAT(reply.header("access-control-allow-methods"), HasSubstr("POST"));
}

TEST_F(ServerTest, RequiresTheKeyWhenOneIsSet) {
  settings.api_key = "secret";
  start();
  EXPECT_EQ(ask("GET", "/health").status, 200);
  const RawReply without = ask("GET", "/v1/models");
  EXPECT_EQ(without.status, 401);
  EXPECT_THAT(without.body, HasSubstr("key"));
  EXPECT_EQ(ask("GET", "/v1/models", {}, "Authorization: Bearer wrong\r\n").status, 401);
  EXPECT_EQ(ask("GET", "/v1/models", {}, "Authorization: Bearer secret\r\n").status, 200);
  EXPECT_EQ(ask("GET", "/v1/models", {}, "X-Moondream-Auth: secret\r\n").status, 200);
  EXPECT_EQ(ask("GET", "/v1/models", {}, "Authorization: Basic eDpzZWNyZXQ=\r\n").status, 200);
  EXPECT_EQ(ask("POST", "/api/v1/jobs", R"({"input":{"prompt":"x"}})").status, 401);
}

TEST_F(ServerTest, DoesNotListenOffLoopbackWithoutAKey) {
  settings.host = "0.0.0.0";
  settings.port = 0;
  EXPECT_THROW(Server(scheduler, settings), Error);
  settings.api_key = "secret";
  EXPECT_NO_THROW(Server(scheduler, settings));
}

TEST_F(ServerTest, SaysThatAPortIsTaken) {
  start();
  ServerSettings second = settings;
  second.port = port();
  try {
    Server again{scheduler, second};
    FAIL() << "two servers on one port";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kConflict);
  }
}

TEST_F(ServerTest, CollapsesRepeatedVersions) {
  start();
  EXPECT_EQ(ask("GET", "/v1/v1/models").status, 200);
  EXPECT_EQ(ask("GET", "/v1/v1/v1/models/").status, 200);
  EXPECT_EQ(ask("GET", "//v1/models").status, 200);
}

TEST_F(ServerTest, ListsModelsUnderBothKeysWithoutTheirPlaces) {
  scheduler.now.memory_total_mb = 24000;
  scheduler.now.memory_used_mb = 512;
  start();
  const RawReply reply = ask("GET", "/v1/models");
  EXPECT_THAT(reply.body, HasSubstr(R"("models":[{)"));
  EXPECT_THAT(reply.body, HasSubstr(R"("data":[{)"));
  EXPECT_THAT(reply.body, Not(HasSubstr("/secret/place")));
  EXPECT_EQ(reply.header("x-vram-used"), "512");
  EXPECT_EQ(reply.header("x-vram-total"), "24000");
  EXPECT_THAT(ask("GET", "/api/v1/models").body, Not(HasSubstr("/secret/place")));
}

TEST_F(ServerTest, AnEmptyListOfModelsHasTheReason) {
  start();
  EXPECT_THAT(ask("GET", "/api/v1/models").body, HasSubstr(R"("reason":"")"));
  scheduler.no_models_because = "the worker has not started yet";
  EXPECT_THAT(ask("GET", "/api/v1/models").body,
              HasSubstr(R"({"models":[],"reason":"the worker has not started yet"})"));
}

TEST_F(ServerTest, ARefreshAnswersWithWhatItFound) {
  start();
  scheduler.found_by_refresh = "checkpoint/new";
  EXPECT_THAT(ask("POST", "/api/v1/models/refresh").body, HasSubstr("checkpoint/new"));
}

TEST_F(ServerTest, ListsTheMethodsOfAPath) {
  start();
  const RawReply reply = ask("GET", "/v1/generate");
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.header("allow"), "POST");
  EXPECT_EQ(ask("GET", "/v1/nothing").status, 404);
  for (const char* path : {"/metrics/x", "/sdapi/v1/txt2img", "/api", "/favicon.gif",
                           "/wp-login.php", "/create/x.json", "/system/restart"}) {
    EXPECT_EQ(ask("GET", path).status, 404) << path;
  }
  for (const char* path : {"/", "/create", "/jobs/01J", "/metrical"}) {
    EXPECT_EQ(ask("GET", path).status, 200) << path;
  }
  EXPECT_EQ(ask("GET", "/api/v1/nothing").header("content-type"), "application/problem+json");
}

TEST_F(ServerTest, MakesAPictureOnAllThreePaths) {
  start();
  std::size_t number = 0;
  for (const char* path : {"/v1/images/generations", "/v1/generate", "/v1/images/generate"}) {
    RawClient client{port()};
    client.request("POST", path,
                   R"({"prompt":"a cat | negative: dog","model":"sdxl-realism","size":"512x504"})");
    scheduler.succeed(scheduler.wait_for_job(++number));
    const RawReply reply = client.reply();
    EXPECT_EQ(reply.status, 200) << reply.body;
    for (const char* part :
         {R"("data":[{"b64_json":"iVBORw==")", R"("images":["iVBORw=="])",
          R"("result":["iVBORw=="])", R"("image":"iVBORw==")", R"("model":"starter")",
          R"("stats":{)", R"("seed":7)", "the starter model answered"}) {
      EXPECT_THAT(reply.body, HasSubstr(part)) << path;
    }
    EXPECT_EQ(reply.header("x-inference-time"), "1200");
    const auto job = scheduler.submitted().back();
    const auto& input = job.input.parameters.as<card::GenerationInput>();
    EXPECT_EQ(input.prompt, "a cat");
    EXPECT_EQ(input.negative_prompt, "dog");
    EXPECT_EQ(input.width, 512);
    EXPECT_EQ(input.height, 504);
    EXPECT_EQ(input.guidance, std::nullopt);
  }
}

TEST_F(ServerTest, TheBodyOfAJobNamesItsTask) {
  start();
  for (const char* body : {R"({"task":"generate","input":{"prompt":"x"}})",
                           R"({"kind":"generate","input":{"prompt":"x"}})",
                           R"({"task":"generate","kind":"generate","input":{"prompt":"x"}})",
                           R"({"input":{"prompt":"x"}})"}) {
    const RawReply reply = ask("POST", "/api/v1/jobs", body);
    EXPECT_EQ(reply.status, 202) << reply.body;
    EXPECT_THAT(reply.body, HasSubstr(R"("task":"generate","kind":"generate")"));
    EXPECT_EQ(scheduler.submitted().back().input.task(), "generate");
    EXPECT_EQ(scheduler.submitted().back().priority, 2);  // the task's
  }
  const auto refusal = [&](const char* body) {
    const RawReply reply = ask("POST", "/api/v1/jobs", body);
    EXPECT_EQ(reply.status, 400);
    return reply.body;
  };
  EXPECT_THAT(refusal(R"({"task":"dance","input":{}})"),
              HasSubstr("/task: unknown task 'dance': choose one of generate"));
  EXPECT_THAT(refusal(R"({"kind":"dance","input":{}})"), HasSubstr("/kind: unknown task 'dance'"));
  EXPECT_THAT(refusal(R"({"task":"generate","kind":"dance","input":{"prompt":"x"}})"),
              HasSubstr("/task: it is 'generate' and 'kind' is 'dance': send one of them"));
  EXPECT_THAT(refusal(R"({"input":{"steps":3}})"),
              HasSubstr("/input/prompt: required: a description of the picture"));
  EXPECT_THAT(refusal(R"({"prompt":"x"})"), HasSubstr("/prompt: it must be a member of 'input'"));
  EXPECT_THAT(refusal(R"({"input":[]})"), HasSubstr("/input: expected an object"));
  EXPECT_THAT(refusal(R"({"input":{"prompt":"x","image":7}})"),
              HasSubstr("/input/image: expected a text"));
  EXPECT_THAT(refusal(R"({"priority":4,"input":{"prompt":"x"}})"), HasSubstr("/priority: "));
  EXPECT_THAT(ask("GET", "/api/v1/jobs?task=generate").body, HasSubstr("job-1"));
  EXPECT_EQ(ask("GET", "/api/v1/jobs?task=dance").status, 400);
}

// The scheduler names the member; each edge writes it as it was sent.
TEST_F(ServerTest, RefusalsNameTheFieldAsItWasSent) {
  scheduler.refuses = Error{ErrorCode::kInvalidArgument, "steps", "0 is out of range"};
  start();
  const RawReply native = ask("POST", "/api/v1/jobs", R"({"input":{"prompt":"x","steps":0}})");
  EXPECT_EQ(native.status, 400);
  EXPECT_THAT(native.body, HasSubstr(R"("detail":"/input/steps: 0 is out of range")"));
  EXPECT_THAT(native.body, HasSubstr(R"("field":"/input/steps")"));
  for (const char* path : {"/v1/generate", "/v1/images/generations"}) {
    const RawReply legacy = ask("POST", path, R"({"prompt":"x","num_steps":0})");
    EXPECT_EQ(legacy.status, 400);
    EXPECT_THAT(legacy.body, HasSubstr(R"("detail":"/num_steps: 0 is out of range")"));
  }
  // Errors that are found after the pictures were decoded are reported in another way.
  scheduler.decodes_pictures = true;
  RawClient later{port()};
  later.request("POST", "/api/v1/jobs", R"({"input":{"prompt":"x","image":"aGk="}})");
  ASSERT_TRUE(scheduler.wait_for_held(1));
  scheduler.let_go();
  EXPECT_THAT(later.reply().body, HasSubstr("/input/steps: 0 is out of range"));
}

TEST_F(ServerTest, AJobShowsItsInputItsOutputsAndWhatWasUsed) {
  start();
  ask("POST", "/api/v1/jobs",
      R"({"input":{"prompt":"x","seed_text":"18446744073709551615","guidance":7.5}})");
  scheduler.succeed("job-1");
  const auto job = boost::json::parse(ask("GET", "/api/v1/jobs/job-1").body);
  const auto& input = job.at("input");
  EXPECT_EQ(input.at("prompt"), "x");
  EXPECT_EQ(input.at("seed").as_uint64(), 18446744073709551615ULL);
  EXPECT_EQ(input.at("seed_text"), "18446744073709551615");
  EXPECT_EQ(input.at("guidance").as_double(), 7.5);
  EXPECT_TRUE(input.at("steps").is_null());
  EXPECT_EQ(input.at("image_artifact"), "");
  EXPECT_EQ(input.at("mask_artifact"), "");
  const auto& result = job.at("result");
  EXPECT_EQ(result.at("artifacts").at(0), "picture-1");
  EXPECT_EQ(result.at("outputs").at(0).at("kind"), "picture");
  EXPECT_EQ(result.at("outputs").at(0).at("artifact"), "picture-1");
  EXPECT_EQ(result.at("outputs").at(0).at("media_type"), "image/png");
  EXPECT_EQ(result.at("used").at("model"), "starter");
  EXPECT_EQ(result.at("used").at("seed_text"), "7");
  EXPECT_EQ(result.at("timing").at("denoise_ms").to_number<double>(), 1200);
}

TEST_F(ServerTest, ListsTheTasksAndWhetherTheyCanRun) {
  start();
  const auto tasks = [&] { return boost::json::parse(ask("GET", "/api/v1/tasks").body); };
  auto generate = tasks().at("tasks").at(0);
  EXPECT_EQ(generate.at("id"), "generate");
  EXPECT_EQ(generate.at("available"), false);  // no worker has reported that it runs it
  EXPECT_EQ(generate.at("previews"), true);
  EXPECT_EQ(generate.at("outputs").at(0), "picture");
  EXPECT_EQ(generate.at("attachments").at(1).at("role"), "mask");
  EXPECT_EQ(generate.at("attachments").at(1).at("required"), false);
  EXPECT_EQ(generate.at("parameters").at(0).at("name"), "prompt");
  scheduler.now.tasks = {"generate"};
  EXPECT_EQ(tasks().at("tasks").at(0).at("available"), true);
  scheduler.no_models_because = "the installed models are being inspected";
  EXPECT_EQ(tasks().at("tasks").at(0).at("available"), false);
}

TEST_F(ServerTest, ARetryHasTheInputAndThePicturesOfTheJob) {
  start();
  ask("POST", "/api/v1/jobs", R"({"priority":1,"input":{"prompt":"x","steps":4}})");
  scheduler.attach("job-1", "image", "picture-1");
  EXPECT_EQ(ask("POST", "/api/v1/jobs/job-1/retry", "{}").status, 409);
  scheduler.succeed("job-1");
  EXPECT_EQ(ask("POST", "/api/v1/jobs/job-1/retry", "{}").status, 202);
  const auto again = scheduler.submitted().back();
  EXPECT_EQ(again.input.parameters.as<card::GenerationInput>().steps, 4);
  EXPECT_EQ(again.priority, 1);
  EXPECT_EQ(again.attachments.at("image"), (std::vector<std::uint8_t>{0x89, 'P', 'N', 'G'}));
}

TEST_F(ServerTest, WhileTheWorkerStartsAJobIsAskedToComeBack) {
  scheduler.no_models_because = "the worker has not started yet";
  scheduler.now.workers.resize(1);
  scheduler.now.workers.front().state = "starting";
  start();
  for (const char* path : {"/v1/generate", "/v1/images/generations"}) {
    const RawReply reply = ask("POST", path, R"({"prompt":"x"})");
    EXPECT_EQ(reply.status, 503) << path;
    EXPECT_NE(reply.header("retry-after"), "");
    EXPECT_THAT(reply.body, HasSubstr("the worker has not started yet: try again"));
  }
  EXPECT_EQ(ask("POST", "/api/v1/jobs", R"({"input":{"prompt":"x"}})").status, 503);
  EXPECT_TRUE(scheduler.submitted().empty());
}

TEST_F(ServerTest, WhatFailsBecauseTheStationStopsIsAnsweredAsItsStop) {
  scheduler.refuses = Error{ErrorCode::kInternal, "the station is stopping"};
  scheduler.insert_takes = 500ms;
  start();
  RawClient job{port()};
  job.request("POST", "/api/v1/jobs", R"({"input":{"prompt":"x"}})");
  std::this_thread::sleep_for(150ms);  // it is in the scheduler's hands now
  stop();
  const RawReply reply = job.reply();
  EXPECT_EQ(reply.status, 503);
  EXPECT_NE(reply.header("retry-after"), "");
  EXPECT_THAT(reply.body, HasSubstr("the station is stopping"));
}

TEST_F(ServerTest, AKeyThatNothingReadsIsAWarningOfThePicture) {
  start();
  RawClient client{port()};
  client.request("POST", "/v1/generate", R"({"prompt":"x","stepz":3,"user":"u","quality":"hd"})");
  scheduler.succeed(scheduler.wait_for_job());
  EXPECT_THAT(
      client.reply().body,
      HasSubstr("\"warning\":\"unknown field 'stepz' was ignored (did you mean 'steps'?)\"}"));
  EXPECT_EQ(scheduler.submitted().back().input.warnings.size(), 1U);
}

TEST_F(ServerTest, ReportsAFailedJobInTheShapeOfThePath) {
  start();
  RawClient openai{port()};
  openai.request("POST", "/v1/images/generations", R"({"prompt":"x"})");
  scheduler.fail(scheduler.wait_for_job(1), ErrorCode::kOutOfMemory, "CUDA out of memory: tried");
  RawReply reply = openai.reply();
  EXPECT_EQ(reply.status, 500);
  EXPECT_THAT(reply.body, HasSubstr(R"("error":{"message":"CUDA out of memory: tried")"));
  EXPECT_THAT(reply.body, HasSubstr(R"("detail":"CUDA out of memory: tried")"));
  RawClient legacy{port()};
  legacy.request("POST", "/v1/generate", R"({"prompt":"x"})");
  scheduler.fail(scheduler.wait_for_job(2), ErrorCode::kWorkerLost, "lost twice");
  reply = legacy.reply();
  EXPECT_THAT(reply.body, HasSubstr(R"("error":"lost twice")"));
}

// Each dialect's clients look for the text, and for the status in the shape that they know.
TEST_F(ServerTest, AFullQueueIsReportedInTheShapeOfEachPathThatSubmitsJobs) {
  scheduler.queue_full = true;
  start();
  const std::string text = "Queue is full: 64 jobs wait already, try again later";
  const std::string openai = R"({"error":{"message":")" + text +
                             R"(","type":"rate_limit_error","code":"queue_full","param":null},)" +
                             R"("detail":")" + text + R"(","status":"rejected"})";
  const std::string legacy =
      R"({"error":")" + text + R"(","detail":")" + text + R"(","status":"rejected"})";
  const std::string picture = R"({"image":"iVBORw=="})";
  const std::map<std::string, std::pair<std::string, std::string>> paths{
      {"/v1/images/generations", {R"({"prompt":"x"})", openai}},
      {"/v1/images/generate", {R"({"prompt":"x"})", openai}},
      {"/v1/generate", {R"({"prompt":"x"})", legacy}},
      {"/v1/classify", {picture, legacy}},
      {"/v1/upscale", {picture, legacy}},
      {"/api/v1/jobs", {R"({"input":{"prompt":"x"}})", ""}},
  };
  for (const auto& [path, sent] : paths) {
    const RawReply reply = ask("POST", path, sent.first);
    EXPECT_EQ(reply.status, 429) << path;
    EXPECT_EQ(reply.header("retry-after"), "5") << path;
    if (!sent.second.empty()) {
      EXPECT_EQ(reply.body, sent.second) << path;
      continue;
    }
    EXPECT_EQ(reply.header("content-type"), "application/problem+json");
    const auto problem = boost::json::parse(reply.body);
    EXPECT_EQ(problem.at("status"), 429);
    EXPECT_EQ(problem.at("detail").as_string(), text);
    EXPECT_EQ(problem.at("code"), "queue_full");
  }
  for (const auto& route : all_endpoints()) {  // a new path that submits jobs is added above
    if (!route.submits_jobs || route.pattern.find('{') != std::string::npos) continue;
    EXPECT_TRUE(paths.contains(route.pattern)) << route.pattern;
  }
}

TEST_F(ServerTest, ARequestWithTheSameKeyIsTheSameJobOnEveryPath) {
  start();
  const std::string key = "Idempotency-Key: k1\r\n", body = R"({"prompt":"x"})";
  RawClient first{port()};
  first.request("POST", "/v1/generate", body, key);
  const auto id = scheduler.wait_for_job();
  ASSERT_TRUE(scheduler.wait_for_listener(id));
  RawClient second{port()};
  second.request("POST", "/v1/generate", body, key);  // while it runs
  const RawReply other = ask("POST", "/v1/generate", R"({"prompt":"y"})", key);
  EXPECT_EQ(other.status, 409);
  EXPECT_THAT(other.body, HasSubstr("the key came with another request before"));
  EXPECT_EQ(ask("POST", "/v1/images/generations", body, key).status, 409);
  scheduler.succeed(id);
  EXPECT_THAT(first.reply().body, HasSubstr('"' + id + '"'));
  EXPECT_THAT(second.reply().body, HasSubstr('"' + id + '"'));
  EXPECT_EQ(ask("POST", "/v1/generate", body, key).status, 200);  // it has ended
  EXPECT_EQ(scheduler.submitted().size(), 1U);

  const std::string native = R"({"input":{"prompt":"x"}})", other_key = "Idempotency-Key: k2\r\n";
  const RawReply accepted = ask("POST", "/api/v1/jobs", native, other_key);
  EXPECT_EQ(accepted.status, 202);
  EXPECT_EQ(ask("POST", "/api/v1/jobs", native, other_key).body, accepted.body);
  const RawReply from_other_program =
      ask("POST", "/api/v1/jobs", native, other_key + "User-Agent: other\r\n");
  EXPECT_EQ(from_other_program.status, 202);
  EXPECT_NE(from_other_program.body, accepted.body);
  const std::string retry = "/api/v1/jobs/" + id + "/retry";
  const RawReply again = ask("POST", retry, "", "Idempotency-Key: k3\r\n");
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(ask("POST", retry, "", "Idempotency-Key: k3\r\n").body, again.body);
  EXPECT_NE(ask("POST", retry).body, again.body);
  const RawReply invalid = ask("POST", "/api/v1/jobs", native, "Idempotency-Key: two words\r\n");
  EXPECT_EQ(invalid.status, 400);
  EXPECT_THAT(invalid.body, HasSubstr("Idempotency-Key: send it once"));
}

TEST_F(ServerTest, AClientThatLeavesAJobWithAKeyFindsItAgain) {
  start();
  const std::string key = "Idempotency-Key: k\r\n", body = R"({"prompt":"x"})";
  std::string id;
  {
    RawClient client{port()};
    client.request("POST", "/v1/generate", body, key);
    id = scheduler.wait_for_job();
    ASSERT_TRUE(scheduler.wait_for_listener(id));
    client.reset();
  }
  ASSERT_TRUE(scheduler.wait_until_unheard(id));
  RawClient again{port()};
  again.request("POST", "/v1/generate", body, key);
  ASSERT_TRUE(scheduler.wait_for_listener(id));
  EXPECT_EQ(scheduler.job(id).state, domain::JobState::kQueued);
  scheduler.succeed(id);
  EXPECT_EQ(again.reply().status, 200);
}

TEST_F(ServerTest, TheClientOfAJobIsItsAddressAndProgramOrADigestOfTheKey) {
  start();
  const std::string body = R"({"input":{"prompt":"x"}})";
  ask("POST", "/api/v1/jobs", body, "User-Agent: studio/2\r\n");
  EXPECT_EQ(scheduler.submitted().back().client, "127.0.0.1 studio/2");
  ask("POST", "/api/v1/jobs", body);
  EXPECT_EQ(scheduler.submitted().back().client, "127.0.0.1");
  const auto list = ask("GET", "/api/v1/jobs?client=127.0.0.1%20studio/2").body;
  EXPECT_EQ(boost::json::parse(list).at("jobs").as_array().size(), 1U);
  EXPECT_THAT(list, HasSubstr(R"("client":"127.0.0.1 studio/2")"));
  stop();
  settings.api_key = "opensesame";
  start();
  ask("POST", "/api/v1/jobs", body, "Authorization: Bearer opensesame\r\nUser-Agent: a\r\n");
  EXPECT_THAT(scheduler.submitted().back().client, testing::MatchesRegex("key [0-9a-f]+"));
}

TEST_F(ServerTest, AnEndedJobIsReplayedWithTheSameSeedOrANewOne) {
  start();
  const std::string id = "job-1", path = "/api/v1/jobs/job-1/replay";
  ask("POST", "/api/v1/jobs", R"({"input":{"prompt":"x","seed":5}})");
  scheduler.succeed(id);
  EXPECT_EQ(ask("POST", path).status, 202);
  EXPECT_THAT(scheduler.submitted().back().input.parameters.json(), HasSubstr(R"("seed":5)"));
  EXPECT_EQ(scheduler.submitted().back().repeat_of, id);
  EXPECT_EQ(ask("POST", path, R"({"seed":"new"})").status, 202);
  EXPECT_THAT(scheduler.submitted().back().input.parameters.json(), HasSubstr(R"("seed":null)"));
  for (const char* body : {R"({"seed":"newest"})", R"({"seed":5})", R"({"sed":"new"})"}) {
    EXPECT_EQ(ask("POST", path, body).status, 400) << body;
  }
  EXPECT_EQ(ask("POST", "/api/v1/jobs/nothing/replay").status, 404);
  EXPECT_EQ(scheduler.submitted().size(), 3U);
}

TEST_F(ServerTest, AClientThatLeavesCancelsItsJob) {
  start();
  for (int way = 0; way < 2; ++way) {
    RawClient client{port()};
    client.request("POST", "/v1/generate", R"({"prompt":"x"})");
    const std::string id = scheduler.wait_for_job(static_cast<std::size_t>(way) + 1);
    ASSERT_TRUE(scheduler.wait_for_listener(id));
    if (way == 0) client.close();
    if (way == 1) client.reset();
    EXPECT_TRUE(scheduler.wait_until_cancelled(id)) << way;
  }
}

TEST_F(ServerTest, ALongCallOutlivesEveryOtherTimeLimit) {
  settings.limits.header_timeout = 100ms;
  settings.limits.body_window = 100ms;
  settings.limits.keep_alive_timeout = 100ms;
  settings.limits.write_idle_timeout = 100ms;
  start();
  RawClient client{port()};
  client.request("POST", "/v1/generate", R"({"prompt":"x"})");
  const std::string id = scheduler.wait_for_job();
  std::this_thread::sleep_for(700ms);
  scheduler.succeed(id);
  EXPECT_EQ(client.reply().status, 200);
}

TEST_F(ServerTest, EndsCallsThatTakeLongerThanTheSettingAllows) {
  settings.limits.job_wait = 100ms;
  start();
  const RawReply reply = ask("POST", "/v1/generate", R"({"prompt":"x"})");
  EXPECT_EQ(reply.status, 504);
  EXPECT_THAT(reply.body, HasSubstr("Request timeout"));
  EXPECT_TRUE(scheduler.wait_until_cancelled("job-1"));
}

TEST_F(ServerTest, ClosesConnectionsThatNeverFinishTheirHeaderOrBody) {
  settings.limits.header_timeout = 150ms;
  settings.limits.body_window = 150ms;
  start();
  RawClient header{port()};
  header.send("GET /health HTTP/1.1\r\nHos");
  EXPECT_EQ(header.reply().status, 408);
  EXPECT_TRUE(header.closed_by_server());
  RawClient body{port()};
  body.send("POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{");
  EXPECT_EQ(body.reply().status, 408);
  EXPECT_TRUE(body.closed_by_server());
  EXPECT_EQ(ask("GET", "/health").status, 200);
}

TEST_F(ServerTest, ContinuesAtOnceWhenAClientWaitsForIt) {
  start();
  RawClient client{port()};
  const auto before = std::chrono::steady_clock::now();
  client.send(
      "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
      "Content-Length: 14\r\n\r\n");
  EXPECT_EQ(client.reply().status, 100);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 500ms);
  client.send(R"({"prompt":"x"})");
  scheduler.succeed(scheduler.wait_for_job());
  EXPECT_EQ(client.reply().status, 200);
}

TEST_F(ServerTest, RefusesALongBodyBeforeItIsSent) {
  start();
  RawClient client{port()};
  client.send(
      "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
      "Content-Length: 400000000\r\n\r\n");
  const RawReply reply = client.reply();
  EXPECT_EQ(reply.status, 413);
  EXPECT_THAT(reply.body, HasSubstr("48 MB"));
}

std::string chunked(std::string_view bytes) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return std::string{size} + std::string{bytes} + "\r\n";
}

TEST_F(ServerTest, RefusesAChunkedBodyOnceItIsTooLong) {
  settings.limits.picture_body_bytes = 100'000;
  start();
  RawClient client{port()};
  client.send(
      "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string piece(10'000, 'x');
  for (int i = 0; i < 50 && client.send(chunked(piece)); ++i) {
  }
  EXPECT_EQ(client.reply().status, 413);
}

TEST_F(ServerTest, ReadsLongBodiesFromDisk) {
  settings.limits.memory_body_bytes = 10'000;
  start();
  RawClient client{port()};
  const std::string prompt(200'000, 'p');
  client.request("POST", "/v1/generate", R"({"prompt":")" + prompt + "\"}");
  scheduler.succeed(scheduler.wait_for_job());
  EXPECT_EQ(client.reply().status, 200);
  EXPECT_EQ(scheduler.submitted().back().input.parameters.text("prompt"), prompt);
}

TEST_F(ServerTest, AFullDiskIsASentence) {
  settings.limits.memory_body_bytes = 10;
  settings.spool_folder = "/proc/none";
  start();
  const RawReply reply = ask("POST", "/v1/generate", R"({"prompt":"long enough"})");
  EXPECT_EQ(reply.status, 500);
  EXPECT_THAT(reply.body, HasSubstr("/proc/none"));
}

TEST_F(ServerTest, RefusesALongHeader) {
  start();
  const RawReply reply = ask("GET", "/health", {}, "X-Long: " + std::string(40'000, 'x') + "\r\n");
  EXPECT_EQ(reply.status, 431);
}

TEST_F(ServerTest, RefusesMalformedRequests) {
  start();
  constexpr const char* kLengthTwice =
      "POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
      "Transfer-Encoding: chunked\r\n\r\n{}";
  for (const char* bytes :
       {"not a request\r\n\r\n", "GET /health HTTP/1.1\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", kLengthTwice}) {
    RawClient client{port()};
    client.send(bytes);
    EXPECT_EQ(client.reply().status, 400) << bytes;
  }
  EXPECT_EQ(ask("GET", "/health").status, 200);
}

TEST_F(ServerTest, RefusesBrokenBodiesWithASentence) {
  start();
  struct Case {
    const char* body;
    const char* part;
  };
  for (const Case& each :
       {Case{"{", ""}, Case{"[]", ""}, Case{"", ""}, Case{R"({"prompt":5})", "/prompt"},
        Case{R"({"prompt":"x","steps":"many"})", "/steps"},
        Case{R"({"prompt":"x","image":"*"})", "/image"},
        Case{R"({"prompt":"x","image":"data:image/png,abc"})", "/image"},
        Case{R"({"prompt":"x","image":"http://example.org/a.png"})", "/image"},
        Case{R"({"prompt":"x","size":"big"})", "/size"},
        Case{R"({"prompt":"x","guidance_scale":1e400})", "/guidance_scale"},
        Case{R"({"prompt":"  "})", "Prompt is required"},
        Case{R"({"prompt":"x","model":"no-such"})", "no-such"}}) {
    const RawReply reply = ask("POST", "/v1/generate", each.body);
    EXPECT_GE(reply.status, 400) << each.body;
    EXPECT_LT(reply.status, 500) << each.body << reply.body;
    EXPECT_THAT(reply.body, HasSubstr(each.part)) << each.body;
    EXPECT_THAT(reply.body, HasSubstr(R"("detail":")")) << each.body;
  }
  EXPECT_EQ(scheduler.submitted().size(), 0U);
}

TEST_F(ServerTest, AcceptsAJobWithItsLocation) {
  start();
  const RawReply reply = ask(
      "POST", "/api/v1/jobs",
      R"({"kind":"generate","priority":3,"input":{"prompt":"x","steps":4,"image":"aGk=","glue":1}})");
  EXPECT_EQ(reply.status, 202) << reply.body;
  EXPECT_EQ(reply.header("location"), "/api/v1/jobs/job-1");
  EXPECT_THAT(reply.body, HasSubstr(R"("id":"job-1")"));
  EXPECT_THAT(reply.body, HasSubstr(R"("state":"queued")"));
  EXPECT_THAT(reply.body, HasSubstr(R"("warnings":["unknown field 'glue' was ignored"])"));
  const auto job = scheduler.submitted().back();
  EXPECT_EQ(job.priority, 3);
  EXPECT_EQ(job.input.parameters.as<card::GenerationInput>().steps, 4);
  EXPECT_EQ(job.attachments.at("image"), (std::vector<std::uint8_t>{'h', 'i'}));
  EXPECT_THAT(ask("GET", "/api/v1/jobs/job-1").body, HasSubstr("unknown field 'glue'"));
  EXPECT_THAT(ask("GET", "/api/v1/jobs?limit=5").body, HasSubstr(R"({"jobs":[{"id":"job-1")"));
  EXPECT_EQ(ask("GET", "/api/v1/jobs?limit=-5").status, 400);
  EXPECT_THAT(ask("GET", "/api/v1/jobs?state=queued,running").body, HasSubstr("job-1"));
  EXPECT_EQ(ask("GET", "/api/v1/jobs?state=failed").body, R"({"jobs":[],"next":""})");
  EXPECT_EQ(ask("GET", "/api/v1/jobs?before=job-1").body, R"({"jobs":[],"next":""})");
  EXPECT_EQ(ask("GET", "/api/v1/jobs?state=&before=job-2").body,
            R"({"jobs":[],"next":""})");  // no such job
  const RawReply unknown = ask("GET", "/api/v1/jobs?state=queued,asleep");
  EXPECT_EQ(unknown.status, 400);
  EXPECT_THAT(unknown.body, HasSubstr("invalid state 'asleep': choose among queued, "));
  EXPECT_EQ(ask("GET", "/api/v1/jobs/none").status, 404);
  EXPECT_THAT(ask("POST", "/api/v1/jobs/job-1/cancel").body, HasSubstr(R"("state":"cancelled")"));
}

TEST_F(ServerTest, StreamsEventsReplaysThemAndEndsWithTheJob) {
  settings.limits.event_ping = 100ms;
  start();
  ask("POST", "/api/v1/jobs", R"({"input":{"prompt":"x"}})");
  RawClient client{port()};
  client.request("GET", "/api/v1/jobs/job-1/events");
  const std::string head = client.text_until("\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("text/event-stream"));
  EXPECT_THAT(client.text_until("\n\n"), HasSubstr("retry: "));
  EXPECT_THAT(client.text_until("\n\n"), HasSubstr("id: 1\nevent: state\ndata: {"));
  EXPECT_THAT(client.text_until("\n\n"), HasSubstr(": ping"));
  scheduler.progress("job-1", 1, 4);
  std::string text = client.text_until("\n\n");
  while (text.starts_with(": ping")) text = client.text_until("\n\n");
  EXPECT_THAT(text, HasSubstr("event: progress"));
  EXPECT_THAT(text, HasSubstr(R"("step":1)"));
  scheduler.succeed("job-1");
  text = client.text_until("\n\n");
  while (text.starts_with(": ping")) text = client.text_until("\n\n");
  EXPECT_THAT(text, HasSubstr("id: 3\nevent: end"));
  EXPECT_TRUE(client.closed_by_server());

  RawClient again{port()};
  again.request("GET", "/api/v1/jobs/job-1/events", {}, "Last-Event-ID: 2\r\n");
  again.text_until("\r\n\r\n");
  again.text_until("\n\n");
  EXPECT_THAT(again.text_until("\n\n"), HasSubstr("id: 3\nevent: end"));
  EXPECT_TRUE(again.closed_by_server());
  // An EventSource that has seen the end stops asking at a 204 and nothing else.
  for (const char* seen : {"3", "4", "999999999999999999"}) {
    const RawReply over =
        ask("GET", "/api/v1/jobs/job-1/events", {}, std::string{"Last-Event-ID: "} + seen + "\r\n");
    EXPECT_EQ(over.status, 204) << seen;
    EXPECT_EQ(ask("GET", std::string{"/api/v1/jobs/job-1/events?after="} + seen).status, 204);
  }
  EXPECT_EQ(ask("GET", "/api/v1/jobs/none/events").status, 404);
}

// The next event that is not a ping: its lines.
std::string next_event(RawClient& client) {
  std::string text = client.text_until("\n\n");
  while (text.starts_with(": ping") || text.starts_with("retry: ")) {
    text = client.text_until("\n\n");
  }
  return text;
}

TEST_F(ServerTest, StreamsTextInPiecesAndShowsItWithTheJob) {
  start();
  ask("POST", "/api/v1/jobs", R"({"input":{"prompt":"x"}})");
  RawClient client{port()};
  client.request("GET", "/api/v1/jobs/job-1/events");
  client.text_until("\r\n\r\n");
  EXPECT_THAT(next_event(client), HasSubstr("event: state"));
  scheduler.progress("job-1", 1, 4);
  EXPECT_THAT(next_event(client), HasSubstr(R"("text":"")"));
  scheduler.stream("job-1", 0, "ein \"Wört");
  EXPECT_EQ(next_event(client),
            "id: 3\nevent: text\ndata: "
            R"({"id":3,"type":"text","time_ms":5000,"job":"job-1","offset":0,"text":"ein \"Wört"})"
            "\n\n");
  scheduler.stream("job-1", 10, "chen\n");
  EXPECT_THAT(next_event(client), HasSubstr(R"("job":"job-1","offset":10,"text":"chen\n"})"));
  const auto shown = boost::json::parse(ask("GET", "/api/v1/jobs/job-1").body);
  EXPECT_EQ(shown.at("progress").at("text").as_string(), "ein \"Wörtchen\n");
  scheduler.succeed("job-1");
  EXPECT_THAT(next_event(client), HasSubstr("event: end"));
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(ServerTest, AReaderThatFallsBehindGetsAllOfTheText) {
  start();
  const std::string long_prompt(60'000, 'x');
  ask("POST", "/api/v1/jobs", R"({"input":{"prompt":")" + long_prompt + "\"}}");
  RawClient reader{port()};
  reader.request("GET", "/api/v1/jobs/job-1/events");
  ASSERT_TRUE(scheduler.wait_for_listener("job-1"));
  std::string sent;
  for (int i = 0; i < 3000; ++i) {  // more than the sockets take: it reads nothing yet
    const auto piece = std::to_string(i) + " ";
    scheduler.stream("job-1", std::ssize(sent), piece);
    sent += piece;
    if (i % 10 == 0) scheduler.progress("job-1", i / 30, 100);
  }
  scheduler.succeed("job-1");
  reader.text_until("\r\n\r\n");
  std::string received;
  std::size_t pieces = 0;
  std::string event = next_event(reader);
  for (; !event.empty() && event.find("event: end") == std::string::npos;
       event = next_event(reader)) {
    if (event.find("event: text") == std::string::npos) continue;
    const auto piece = boost::json::parse(event.substr(event.find("data: ") + 6));
    EXPECT_EQ(piece.at("offset").as_int64(), std::ssize(received));
    received += piece.at("text").as_string();
    ++pieces;
  }
  EXPECT_THAT(event, HasSubstr("event: end"));
  EXPECT_EQ(received, sent);
  EXPECT_LT(pieces, 3000U);  // joined
}

TEST_F(ServerTest, TheLastEventHasTheSameTypeForEveryOutcome) {
  start();
  for (int way = 0; way < 3; ++way) {
    const std::string id = "job-" + std::to_string(way + 1);
    ask("POST", "/api/v1/jobs", R"({"input":{"prompt":"x"}})");
    if (way == 0) scheduler.succeed(id);
    if (way == 1) scheduler.fail(id, ErrorCode::kOutOfMemory, "CUDA out of memory");
    if (way == 2) scheduler.cancel(id);
    RawClient client{port()};
    client.request("GET", "/api/v1/jobs/" + id + "/events");
    client.text_until("retry: 2000\n\n");
    EXPECT_THAT(client.text_until("\n\n"), HasSubstr("event: state"));
    EXPECT_THAT(client.text_until("\n\n"), HasSubstr("event: end"));
    EXPECT_TRUE(client.closed_by_server());
  }
}

TEST_F(ServerTest, AReaderThatLeavesTheEventsDoesNotCancelTheJob) {
  start();
  ask("POST", "/api/v1/jobs", R"({"input":{"prompt":"x"}})");
  {
    RawClient client{port()};
    client.request("GET", "/api/v1/jobs/job-1/events");
    client.text_until("\n\n");
  }
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(scheduler.job("job-1").state, domain::JobState::kQueued);
}

TEST_F(ServerTest, HealthNeverWaitsBehindBlockedWork) {
  scheduler.insert_takes = 1500ms;
  start();
  std::vector<std::unique_ptr<RawClient>> busy;
  for (int i = 0; i < settings.pool_threads * 2; ++i) {
    busy.push_back(std::make_unique<RawClient>(port()));
    busy.back()->request("POST", "/api/v1/jobs", R"({"input":{"prompt":"x"}})");
  }
  for (const char* path : {"/health", "/v1/models", "/api/v1/status"}) {
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(ask("GET", path).status, 200);
    EXPECT_LT(std::chrono::steady_clock::now() - before, 1s) << path;
  }
}

constexpr const char* kWithPicture = R"({"input":{"prompt":"x","image":"aGk="}})";

TEST_F(ServerTest, WaitingForModelsAndRefreshesHoldsNoThread) {
  scheduler.looks_for_models = true;
  start();
  std::vector<std::unique_ptr<RawClient>> waiting;
  const std::size_t each = 2 * static_cast<std::size_t>(settings.pool_threads);
  const auto send = [&](const char* path, const char* body) {
    waiting.push_back(std::make_unique<RawClient>(port()));
    waiting.back()->request("POST", path, body);
  };
  for (std::size_t i = 0; i < each; ++i) {
    send("/api/v1/models/refresh", "{}");
    send("/api/v1/jobs", R"({"input":{"prompt":"x"}})");
  }
  ASSERT_TRUE(scheduler.wait_for_held(waiting.size()));
  for (const char* path : {"/", "/api/v1/jobs", "/health", "/api/v1/artifacts/picture-1"}) {
    EXPECT_EQ(ask("GET", path).status, 200) << path;
  }
  scheduler.let_go();
  for (const auto& client : waiting) {
    const int status = client->reply().status;
    EXPECT_TRUE(status == 200 || status == 202) << status;
  }
}

TEST_F(ServerTest, DecodingHoldsNoThreadAndALeavingClientsJobIsCancelled) {
  scheduler.decodes_pictures = true;
  start();
  std::vector<std::unique_ptr<RawClient>> waiting;
  for (int i = 0; i < 2 * settings.pool_threads; ++i) {
    waiting.push_back(std::make_unique<RawClient>(port()));
    waiting.back()->request("POST", "/api/v1/jobs", kWithPicture);
  }
  RawClient leaving{port()};
  leaving.request("POST", "/v1/generate", R"({"prompt":"left alone","image":"aGk="})");
  ASSERT_TRUE(scheduler.wait_for_held(waiting.size() + 1));
  EXPECT_EQ(ask("GET", "/api/v1/jobs").status, 200);
  leaving.close();
  scheduler.let_go();
  for (const auto& client : waiting) EXPECT_EQ(client->reply().status, 202);
  ASSERT_NE(scheduler.wait_for_job(waiting.size() + 1), "");
  std::string last;
  for (std::size_t i = 0; i < scheduler.submitted().size(); ++i) {
    const auto prompt = scheduler.submitted()[i].input.parameters.text("prompt");
    if (prompt == "left alone") last = scheduler.wait_for_job(i + 1);
  }
  ASSERT_NE(last, "");
  EXPECT_TRUE(scheduler.wait_until_cancelled(last));
}

// Callbacks after the server was destroyed have no effect.
TEST_F(ServerTest, StopsWhileModelsAreWaitedFor) {
  scheduler.looks_for_models = true;
  start();
  RawClient refresh{port()};
  refresh.request("POST", "/api/v1/models/refresh", "{}");
  RawClient job{port()};
  job.request("POST", "/api/v1/jobs", kWithPicture);
  RawClient generate{port()};
  generate.request("POST", "/v1/generate", R"({"prompt":"x"})");
  ASSERT_TRUE(scheduler.wait_for_held(3));
  const auto before = std::chrono::steady_clock::now();
  stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  for (RawClient* client : {&refresh, &job, &generate}) EXPECT_EQ(client->reply().status, 503);
  server.reset();
  scheduler.let_go();
  EXPECT_TRUE(scheduler.submitted().empty());
}

TEST_F(ServerTest, LongRequestsWaitForMemoryInOrder) {
  settings.limits.long_requests_total = 1 << 20;
  settings.limits.memory_body_bytes = 10'000;
  start();
  const std::string body =
      R"({"input":{"prompt":"x","image":")" + std::string(200'000, 'A') + "\"}}";
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(std::make_unique<RawClient>(port()));
    clients.back()->request("POST", "/api/v1/jobs", body);
  }
  clients[3]->close();
  clients.erase(clients.begin() + 3);
  for (const auto& client : clients) EXPECT_EQ(client->reply().status, 202);
  EXPECT_EQ(scheduler.submitted().front().attachments.at("image").size(), 150'000U);
}

TEST_F(ServerTest, JsonIsShortAndPicturesAlonePutMoreIntoABody) {
  start();
  std::string zeros = "[";
  while (zeros.size() < (3U << 20)) zeros += "0,";
  zeros += "0]";
  for (const char* path : {"/v1/generate", "/v1/images/generations", "/api/v1/jobs"}) {
    const RawReply reply = ask("POST", path, zeros);
    EXPECT_EQ(reply.status, 413) << path;
    EXPECT_THAT(reply.body, HasSubstr("1024")) << reply.body;
    const std::string hidden = R"({"prompt":"x","input":{"prompt":"x"},"y":)" + zeros + "}";
    EXPECT_EQ(ask("POST", path, hidden).status, 413) << path;
  }
  EXPECT_EQ(ask("POST", "/api/v1/models/refresh", zeros).status, 413);
  const std::string picture(3 << 20, 'A');
  EXPECT_EQ(
      ask("POST", "/api/v1/jobs",
          R"({"input":{"prompt":"x","image":")" + picture + R"(","mask":")" + picture + "\"}}")
          .status,
      202);
}

TEST_F(ServerTest, StopsWithinASecondWhileCallsWait) {
  start();
  RawClient waiting{port()};
  waiting.request("POST", "/v1/generate", R"({"prompt":"x"})");
  RawClient watching{port()};
  scheduler.wait_for_job();
  watching.request("GET", "/api/v1/jobs/job-1/events");
  watching.text_until("\n\n");
  RawClient idle{port()};
  const auto before = std::chrono::steady_clock::now();
  stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 2s);
  EXPECT_EQ(waiting.reply().status, 503);
  EXPECT_TRUE(scheduler.wait_until_cancelled("job-1"));  // its client was asked to try again
  EXPECT_TRUE(watching.closed_by_server());
}

// A reader that reads nothing keeps its connection busy beyond the time limit of a stop, while the
// scheduler goes on sending events.
TEST_F(ServerTest, StopsWhileAReaderReadsNothingAndItsJobGoesOn) {
  start();
  const std::string long_prompt(60'000, 'x');
  ask("POST", "/api/v1/jobs", R"({"input":{"prompt":")" + long_prompt + "\"}}");
  const std::string job = scheduler.wait_for_job();
  RawClient reader{port()};
  reader.request("GET", "/api/v1/jobs/" + job + "/events");
  ASSERT_TRUE(scheduler.wait_for_listener(job));
  std::atomic<bool> over = false;
  std::thread telling{[&] {
    for (int step = 0; !over; ++step) {
      scheduler.progress(job, step % 100, 100);
      std::this_thread::sleep_for(1ms);
    }
  }};
  std::this_thread::sleep_for(500ms);  // of 60 KB each: mostly more than the sockets take
  const auto before = std::chrono::steady_clock::now();
  stop();
  const auto taken = std::chrono::steady_clock::now() - before;
  server.reset();
  over = true;
  telling.join();
  EXPECT_LT(taken, 5s);
}

TEST_F(ServerTest, StopsWhileRequestsArriveHalf) {
  start();
  RawClient header{port()};
  header.send("POST /v1/generate HTTP/1.1\r\nHost: loc");
  RawClient body{port()};
  body.send("POST /v1/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{");
  EXPECT_EQ(ask("GET", "/health").status, 200);  // the two before have arrived
  const auto before = std::chrono::steady_clock::now();
  stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  EXPECT_TRUE(header.closed_by_server());
  EXPECT_TRUE(body.closed_by_server());
}

TEST_F(ServerTest, GivesArtifactsThatBrowsersMayKeep) {
  start();
  const RawReply reply = ask("GET", "/api/v1/artifacts/picture-1");
  EXPECT_EQ(reply.header("content-type"), "image/png");
  EXPECT_EQ(reply.header("x-content-type-options"), "nosniff");
  EXPECT_THAT(reply.header("cache-control"), HasSubstr("immutable"));
  EXPECT_EQ(reply.body, "\x89PNG");
  const std::string tag = reply.header("etag");
  EXPECT_EQ(ask("GET", "/api/v1/artifacts/picture-1", {}, "If-None-Match: " + tag + "\r\n").status,
            304);
  EXPECT_EQ(ask("GET", "/api/v1/artifacts/preview-1").header("cache-control"), "no-store");
  EXPECT_EQ(ask("GET", "/api/v1/artifacts/none").status, 404);
}

TEST_F(ServerTest, GivesRangesOfAnArtifactAndTheWholeInPieces) {
  scheduler.further_picture_bytes = 3'000'000;
  start();
  const std::string path = "/api/v1/artifacts/picture-1";
  const RawReply whole = ask("GET", path);
  EXPECT_EQ(whole.body, "\x89PNG" + std::string(3'000'000, 'x'));
  EXPECT_EQ(whole.header("accept-ranges"), "bytes");
  const RawReply part = ask("GET", path, {}, "Range: bytes=1-5\r\n");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "PNGxx");
  EXPECT_EQ(part.header("content-range"), "bytes 1-5/3000004");
  const RawReply rest = ask("GET", path, {}, "Range: bytes=1000000-\r\n");
  EXPECT_EQ(rest.body, std::string(2'000'004, 'x'));
  const RawReply outside = ask("GET", path, {}, "Range: bytes=3000004-\r\n");
  EXPECT_EQ(outside.status, 416);
  EXPECT_EQ(outside.header("content-range"), "bytes */3000004");
  EXPECT_EQ(outside.body, "");
  const RawReply changed = ask("GET", path, {}, "Range: bytes=1-5\r\nIf-Range: \"another\"\r\n");
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(changed.body.size(), 3'000'004U);
  const RawReply head = ask("HEAD", path, {}, "Range: bytes=1-5\r\n");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), "3000004");
  for (const char* tags : {"\"x\", \"picture-1\"", "W/\"picture-1\"", "*"}) {
    EXPECT_EQ(ask("GET", path, {}, std::string{"If-None-Match: "} + tags + "\r\n").status, 304);
  }
}

TEST_F(ServerTest, APictureInJsonIsReadWhileItIsSent) {
  scheduler.further_picture_bytes = 1'000'001;
  start();
  RawClient client{port()};
  client.request("POST", "/v1/generate", R"({"prompt":"x"})");
  scheduler.succeed(scheduler.wait_for_job());
  const RawReply reply = client.reply();
  EXPECT_EQ(reply.status, 200);
  const auto json = boost::json::parse(reply.body);
  const std::string text{json.at("image").as_string()};
  EXPECT_EQ(text.size(), 1'333'340U);
  EXPECT_EQ(json.at("data").at(0).at("b64_json").as_string(), text);
  EXPECT_EQ(json.at("images").at(0).as_string(), text);
  const auto bytes = base64_decode(text);
  ASSERT_TRUE(bytes);
  EXPECT_EQ((std::string{bytes->begin(), bytes->end()}), "\x89PNG" + std::string(1'000'001, 'x'));
}

TEST_F(ServerTest, TooManyUntakenRepliesAreRefused) {
  settings.limits.replies_total = 100'000;
  start();
  ask("POST", "/api/v1/jobs", R"({"input":{"prompt":")" + std::string(60'000, 'p') + "\"}}");
  EXPECT_EQ(ask("GET", "/api/v1/jobs").status, 200);
  ask("POST", "/api/v1/jobs", R"({"input":{"prompt":")" + std::string(60'000, 'p') + "\"}}");
  const RawReply busy = ask("GET", "/api/v1/jobs");
  EXPECT_EQ(busy.status, 503);
  EXPECT_THAT(busy.body, HasSubstr("wait to be read"));
  EXPECT_EQ(ask("GET", "/api/v1/jobs?limit=1").status, 200);
}

TEST_F(ServerTest, AnEmptyPictureIsNotAMissingOne) {
  start();
  for (const char* field : {"image", "mask"}) {
    const RawReply reply = ask("POST", "/api/v1/jobs",
                               R"({"input":{"prompt":"x",")" + std::string(field) + R"(":""}})");
    EXPECT_EQ(reply.status, 400);
    EXPECT_THAT(reply.body, HasSubstr("/input/" + std::string(field) + ": it is empty"));
  }
}

TEST_F(ServerTest, AListThatIsCutHasTheNextPage) {
  start();
  for (int i = 0; i < 3; ++i) ask("POST", "/api/v1/jobs", R"({"input":{"prompt":"x"}})");
  EXPECT_THAT(ask("GET", "/api/v1/jobs?limit=2").body, HasSubstr(R"("next":"job-2")"));
  EXPECT_THAT(ask("GET", "/api/v1/jobs?limit=2&before=job-2").body, HasSubstr(R"("next":"")"));
  EXPECT_THAT(ask("GET", "/api/v1/jobs?limit=3").body, HasSubstr(R"("next":"")"));
}

TEST_F(ServerTest, AListThatBecomesLongHasTheNextPage) {
  start();
  const std::string body = R"({"input":{"prompt":")" + std::string(60'000, 'p') +
                           R"(","negative_prompt":")" + std::string(60'000, 'n') + "\"}}";
  for (int i = 0; i < 9; ++i) ask("POST", "/api/v1/jobs", body);
  std::vector<std::string> ids;
  std::string next;
  do {
    const RawReply reply = ask("GET", "/api/v1/jobs?limit=100&before=" + next);
    EXPECT_LT(reply.body.size(), 1'200'000U);
    const auto list = boost::json::parse(reply.body);
    for (const auto& job : list.at("jobs").as_array()) {
      ids.emplace_back(job.at("id").as_string());
    }
    next = list.at("next").as_string();
  } while (!next.empty());
  ASSERT_EQ(ids.size(), 9U);
  EXPECT_EQ(ids.front(), "job-9");
  EXPECT_EQ(ids.back(), "job-1");
}

TEST_F(ServerTest, GivesThePageAndNothingBesideIt) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path{testing::TempDir()} / "atelier-page";
  fs::create_directories(folder / "assets");
  std::ofstream{folder / "index.html"} << "<title>page</title>";
  std::ofstream{folder / "assets/app-1a2b.js"} << "run()";
  fs::create_directories(folder / "docs");
  std::ofstream{folder / "docs/index.html"} << "<title>API</title>";
  std::ofstream{fs::path{testing::TempDir()} / "secret.txt"} << "secret";
  settings.web_root = folder.string();
  start();
  const RawReply page = ask("GET", "/");
  EXPECT_EQ(page.body, "<title>page</title>");
  EXPECT_THAT(page.header("content-security-policy"), HasSubstr("default-src 'none'"));
  EXPECT_EQ(page.header("cache-control"), "no-cache");
  EXPECT_EQ(ask("GET", "/gallery/42").body, "<title>page</title>");
  EXPECT_EQ(ask("GET", "/docs").body, "<title>API</title>");
  const RawReply script = ask("GET", "/assets/app-1a2b.js");
  EXPECT_EQ(script.header("content-type"), "text/javascript; charset=utf-8");
  EXPECT_THAT(script.header("cache-control"), HasSubstr("immutable"));
  EXPECT_EQ(ask("GET", "/assets/none.js").status, 404);
  for (const char* path : {"/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt"}) {
    EXPECT_THAT(ask("GET", path).body, Not(HasSubstr("secret\n"))) << path;
    EXPECT_NE(ask("GET", path).body, "secret") << path;
  }
}

TEST_F(ServerTest, DescribesItself) {
  start();
  const RawReply reply = ask("GET", "/openapi.json");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, openapi_document());
  for (const char* part : {R"("openapi": "3.1.0")", R"("/api/v1/jobs")", R"("/v1/images/generate")",
                           R"("NewJobBody")", R"("negative_prompt")"}) {
    EXPECT_THAT(reply.body, HasSubstr(part));
  }
}

}  // namespace
}  // namespace atelier::http
