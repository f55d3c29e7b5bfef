// The queue over HTTP: pause, order, cancel many.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "station_process.h"
#include "storage/sqlite/database.h"

namespace atelier::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Adds `count` jobs to the database of a station that is stopped: copies of the only one in it.
void multiply_job(const std::filesystem::path& home, int count) {
  storage::Database database((home / "atelier.db").string());
  std::string columns, values;
  storage::Statement names(database, "SELECT name FROM pragma_table_info('jobs')");
  while (names.step()) {
    const auto name = names.text(0);
    columns += (columns.empty() ? "" : ", ") + name;
    values += (values.empty() ? "" : ", ") + (name == "id"         ? "id || '-' || i"
                                              : name == "sequence" ? "sequence + i"
                                                                   : name);
  }
  storage::Transaction all(database, storage::Transaction::Kind::kWrite);
  storage::Statement(database,
                     "WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers "
                     "WHERE i < ?) INSERT INTO jobs (" +
                         columns + ") SELECT " + values + " FROM jobs, numbers")
      .bind(1, std::int64_t{count})
      .run();
  all.commit();
}

std::string text_at(const boost::json::value& object, const char* key) {
  return std::string{object.at(key).as_string()};
}

std::vector<std::string> ids_in(const boost::json::value& list) {
  std::vector<std::string> ids;
  for (const auto& job : list.at("jobs").as_array()) ids.push_back(text_at(job, "id"));
  return ids;
}

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

// Loose: bench/queue measures it.
TEST(LongQueue, AnUrgentJobDoesNotWaitForAHundredThousandBackgroundJobs) {
  const StationOptions options{.environment = {"ATELIER_QUEUE_MAX=200000"}};
  StationProcess station(options);
  const auto submit = [&station](int priority) {
    const auto reply =
        station.ask("POST", "/api/v1/jobs",
                    R"({"priority":)" + std::to_string(priority) +
                        R"(,"input":{"prompt":"x","width":64,"height":64,"steps":1}})");
    EXPECT_EQ(reply.status, 202) << reply.body;
    return std::string(boost::json::parse(reply.body).at("id").as_string());
  };
  ASSERT_EQ(station.ask("POST", "/api/v1/queue/pause", R"({"priority":0})").status, 200);
  submit(0);
  station.stop();
  multiply_job(station.home(), 100'000);
  ASSERT_TRUE(station.start_again(options));
  EXPECT_EQ(station.json("/api/v1/queue").at("priorities").at(3).at("queued"), 100'001);
  const auto start = std::chrono::steady_clock::now();
  const auto urgent = station.wait_for(submit(3), "succeeded failed");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  EXPECT_EQ(urgent.at("state"), "succeeded");
  EXPECT_EQ(
      boost::json::parse(station.ask("POST", "/api/v1/queue/cancel", "{}").body).at("cancelled"),
      100'001);
}

TEST_F(QueueApi, TheOrderOfTheQueueIsReadInPages) {
  post("/api/v1/queue/pause", "{}");
  const auto first = station_.submit(kJob), moved = station_.submit(kJob),
             front = station_.submit(kJob);
  post("/api/v1/jobs/" + moved + "/priority", R"({"priority":3})");
  post("/api/v1/jobs/" + front + "/front", "{}");
  const auto page = station_.json("/api/v1/queue/jobs?limit=2");
  EXPECT_THAT(ids_in(page), ElementsAre(moved, front));
  EXPECT_EQ(page.at("jobs").at(1).at("position"), 2);
  EXPECT_EQ(page.at("jobs").at(0).at("priority"), 3);
  EXPECT_EQ(text_at(page.at("jobs").at(0), "client"), "127.0.0.1");
  const auto last = station_.json("/api/v1/queue/jobs?limit=2&after=" + text_at(page, "next"));
  EXPECT_THAT(ids_in(last), ElementsAre(first));
  EXPECT_EQ(last.at("jobs").at(0).at("position"), 3);
  EXPECT_EQ(text_at(last, "next"), "");
  for (const char* after : {"x", "2.0", "2.0.1.1", "9.0.1", "-1.0.1", "2.0.99999999999999999999"}) {
    const auto path = std::string("/api/v1/queue/jobs?after=") + after;
    EXPECT_EQ(station_.ask("GET", path).status, 400) << after;
  }
}

TEST_F(QueueApi, EndedJobsAreRunAgainByFilterAndByTheirIds) {
  post("/api/v1/queue/pause", "{}");
  const auto first = station_.submit(kJob), second = station_.submit(kJob);
  post("/api/v1/queue/cancel", "{}");
  EXPECT_TRUE(post("/api/v1/queue/retry", "{}").at("jobs").as_array().empty());  // none failed
  EXPECT_TRUE(post("/api/v1/queue/retry", R"({"state":"cancelled","priority":3})")
                  .at("jobs")
                  .as_array()
                  .empty());
  post("/api/v1/queue/retry", R"({"state":"succeeded"})", 400);
  post("/api/v1/queue/retry", R"({"states":"cancelled"})", 400);
  const auto all = post("/api/v1/queue/retry", R"({"state":"cancelled","client":"127.0.0.1"})");
  ASSERT_EQ(all.at("jobs").as_array().size(), 2U);
  EXPECT_TRUE(all.at("refused").as_array().empty());
  const std::string again{all.at("jobs").at(0).as_string()};
  EXPECT_EQ(text_at(station_.job(again), "repeat_of"), first);
  EXPECT_EQ(text_at(station_.job(again), "state"), "queued");
  EXPECT_TRUE(ids_in(station_.json("/api/v1/jobs?state=cancelled&repeated=false")).empty());
  EXPECT_THAT(ids_in(station_.json("/api/v1/jobs?state=cancelled")), ElementsAre(second, first));
  EXPECT_EQ(station_.ask("GET", "/api/v1/jobs?repeated=true").status, 400);
  post("/api/v1/jobs/" + again + "/replay", "{}", 409);  // it has not ended
  const auto fresh = post("/api/v1/jobs/" + second + "/replay", R"({"seed":"new"})", 202);
  EXPECT_NE(text_at(fresh.at("input"), "seed_text"),
            text_at(station_.job(second).at("input"), "seed_text"));
  const auto same = post("/api/v1/jobs/" + second + "/replay", R"({"seed":"same"})", 202);
  EXPECT_EQ(same.at("input"), station_.job(second).at("input"));
  post("/api/v1/queue/resume", "{}");
  EXPECT_EQ(text_at(station_.wait_for(text_at(same, "id"), "succeeded failed"), "state"),
            "succeeded");
}

TEST_F(QueueApi, AKeyMeansTheSameJobAlsoAfterARestartOfTheStation) {
  const std::string body = R"({"input":{"prompt":"x","width":64,"height":64,"steps":2,"seed":5}})";
  const std::string key = "Idempotency-Key: order-66\r\n";
  const auto submit = [&](const std::string& sent) {
    return station_.ask("POST", "/api/v1/jobs", sent, key);
  };
  const auto accepted = submit(body);
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  const auto id = text_at(boost::json::parse(accepted.body), "id");
  EXPECT_EQ(text_at(boost::json::parse(submit(body).body), "id"), id);
  ASSERT_EQ(text_at(station_.wait_for(id, "succeeded failed"), "state"), "succeeded");
  const auto same_again = [&] {
    const auto again = boost::json::parse(submit(body).body);
    EXPECT_EQ(text_at(again, "id"), id);
    EXPECT_EQ(text_at(again, "state"), "succeeded");
    EXPECT_EQ(again.at("result").at("artifacts").as_array().size(), 1U);
    const auto other = submit(R"({"input":{"prompt":"y"}})");
    EXPECT_EQ(other.status, 409);
    EXPECT_THAT(other.body, HasSubstr("the idempotency key 'order-66' came with another request"));
  };
  same_again();
  station_.crash();
  ASSERT_TRUE(station_.start_again());
  same_again();
  EXPECT_EQ(station_.stop(), 0);
  ASSERT_TRUE(station_.start_again());
  same_again();
  EXPECT_EQ(station_.json("/api/v1/jobs").at("jobs").as_array().size(), 1U);
}

TEST(QueueLimits, AJobIsNotMovedIntoAFullQueue) {
  StationProcess station{{.environment = {"ATELIER_QUEUE_MAX=5", "ATELIER_QUEUE_MAX_IMMEDIATE=1"}}};
  ASSERT_EQ(station.ask("POST", "/api/v1/queue/pause", "{}").status, 200);
  const std::string job = R"({"prompt":"x","width":64,"height":64,"steps":2})";
  const auto first = station.submit(job), second = station.submit(job);
  const auto move = [&](const std::string& id) {
    return station.ask("POST", "/api/v1/jobs/" + id + "/priority", R"({"priority":3})");
  };
  EXPECT_EQ(move(first).status, 200);
  const auto full = move(second);
  EXPECT_EQ(full.status, 429);
  EXPECT_FALSE(full.header("retry-after").empty());
  EXPECT_THAT(full.body, HasSubstr("Queue is full"));
  EXPECT_EQ(station.job(second).at("priority"), 2);
  const auto queue = station.json("/api/v1/queue").at("priorities");
  EXPECT_EQ(queue.at(0).at("queued_max"), 1);
  EXPECT_EQ(queue.at(1).at("queued_max"), 5);
}

// `atelier jobs …` against the running station.
class JobsCommands : public testing::Test {
 protected:
  int run(const std::string& arguments) {
    const std::string command = "ATELIER_HOME='" + station_.home().string() +
                                "' ATELIER_ENGINE=fake '" ATELIER_BIN_DIR "/atelier' jobs " +
                                arguments + " 2>&1 </dev/null";
    output_.clear();
    FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) return -1;
    std::array<char, 4096> buffer;
    while (const std::size_t count = ::fread(buffer.data(), 1, buffer.size(), pipe)) {
      output_.append(buffer.data(), count);
    }
    const int status = ::pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string submit() const {
    return station_.submit(R"({"prompt":"x","width":64,"height":64,"steps":2})");
  }
  std::string state(const std::string& id) const { return text_at(station_.job(id), "state"); }

  StationProcess station_;
  std::string output_;
};

TEST_F(JobsCommands, PauseReorderCancelRetryAndReplayJobs) {
  EXPECT_EQ(run("pause"), 0);
  EXPECT_THAT(output_, HasSubstr("2 interactive 0 of 64 waiting, paused"));
  const auto first = submit(), second = submit(), third = submit();
  EXPECT_EQ(run("front " + third), 0);
  EXPECT_EQ(run("priority " + second + " 3"), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("priority 3 (immediate)"));
  EXPECT_THAT(ids_in(station_.json("/api/v1/queue/jobs")), ElementsAre(second, third, first));
  EXPECT_EQ(run("list --state queued --client 127.0.0.1"), 0);
  EXPECT_THAT(output_, HasSubstr(first));
  EXPECT_EQ(run("list --client unknown"), 0);
  EXPECT_EQ(output_, "");
  EXPECT_EQ(run("cancel --priority 3"), 0);
  EXPECT_EQ(output_, "1 waiting jobs were cancelled\n");
  EXPECT_EQ(run("cancel " + first), 0);
  EXPECT_EQ(output_, "job " + first + " is cancelled\n");
  EXPECT_EQ(run("cancel --client unknown"), 0);
  EXPECT_EQ(run("cancel --all"), 0);
  EXPECT_EQ(state(third), "cancelled");
  EXPECT_EQ(run("retry --all"), 0);  // none failed
  EXPECT_EQ(output_, "0 jobs run again\n");
  EXPECT_EQ(run("retry " + first), 0);
  EXPECT_EQ(run("retry --all --cancelled"), 0);
  EXPECT_EQ(output_, "2 jobs run again\n");
  EXPECT_EQ(run("resume --priority 2"), 0);
  EXPECT_EQ(run("replay --new-seed " + first), 0);
  const auto again =
      output_.substr(output_.rfind(' ') + 1, output_.size() - output_.rfind(' ') - 2);
  EXPECT_EQ(text_at(station_.wait_for(again, "succeeded failed"), "state"), "succeeded") << output_;
  EXPECT_EQ(text_at(station_.job(again), "repeat_of"), first);
}

TEST_F(JobsCommands, FailWithAStatusAndASentence) {
  EXPECT_EQ(run("cancel"), 2);
  EXPECT_THAT(output_, HasSubstr("--all"));
  EXPECT_EQ(run("cancel --all 01"), 2);
  EXPECT_EQ(run("pause --priority 4"), 2);
  EXPECT_EQ(run("front ../queue"), 2);
  EXPECT_THAT(output_, HasSubstr("'../queue' is not the id of a job"));
  EXPECT_EQ(run("front 01"), 1);
  EXPECT_THAT(output_, HasSubstr("there is no job '01'"));
  const auto id = submit();
  station_.wait_for(id, "succeeded");
  EXPECT_EQ(run("priority " + id + " 3"), 1);
  EXPECT_THAT(output_, HasSubstr("only a job that waits"));
  station_.stop();
  EXPECT_EQ(run("resume"), 1);
  EXPECT_THAT(output_, HasSubstr("no station runs on the home folder"));
}

}  // namespace
}  // namespace atelier::api
