#include "worker/session.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "card/tasks/generate.h"
#include "platform/error.h"
#include "worker/fake_any_task.h"
#include "worker/fake_engine.h"
#include "worker/fake_run.h"

namespace atelier::worker {
namespace {

using protocol::Message;

// A session on one end of a socket, the test on the other.
class SessionTest : public testing::Test {
 protected:
  void start(const std::string& switches) {
    engine_ = make_fake_engine(read_fake_switches(switches));
    thread_ = std::jthread([this] { exit_code_ = Session(worker_end_, *engine_).run(); });
  }
  void TearDown() override { station_.close(); }  // also where the test has failed
  int end() {
    station_.close();
    thread_.join();
    return exit_code_;
  }
  Message next() {
    auto frame = station_.receive();
    if (!frame) throw std::runtime_error("the session has ended");
    return protocol::read_message(std::move(*frame));
  }
  Message reply() {
    for (;;) {
      Message message = next();
      if (message.kind != Message::Kind::kNotification) return message;
    }
  }
  static protocol::RunRequest request(const std::string& id, const card::GenerationInput& input) {
    protocol::RunRequest request;
    request.job = id;
    request.task = card::generate_task().id;
    request.input = json::parse(json::write_json(input));
    request.models["model"] = protocol::model_files("fake", "");
    return request;
  }
  static protocol::RunRequest job(const std::string& id, int steps) {
    card::GenerationInput input;
    input.width = input.height = 64;
    input.steps = steps;
    input.preview_every = 1;
    return request(id, input);
  }

  std::array<int, 2> ends_ = make_ends();
  // A batch of 16 pictures of 512x512 is more than these take.
  static constexpr protocol::FrameLimits kLimits{.total_bytes = std::size_t{8} << 20};
  protocol::Channel station_{ends_[0], kLimits}, worker_end_{ends_[1], kLimits};
  std::unique_ptr<engine::Engine> engine_;
  int exit_code_ = -1;
  std::jthread thread_;

 private:
  static std::array<int, 2> make_ends() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    return ends;
  }
};

TEST_F(SessionTest, GeneratesWithProgressPreviewsAndPictures) {
  start("step_ms=1");
  station_.send(protocol::request_frame(1, job("j1", 3)));
  int steps = 0;
  int previews = 0;
  Message message = next();
  for (; message.kind == Message::Kind::kNotification; message = next()) {
    if (message.method == "progress") {
      const auto progress = message.body_as<protocol::ProgressNotification>();
      EXPECT_EQ(progress.job, "j1");
      if (progress.progress.stage == "denoise") {
        EXPECT_EQ(progress.progress.step, steps++);
      }
    } else {
      const auto preview = message.body_as<protocol::PreviewNotification>();
      EXPECT_EQ(protocol::take_picture(message.parts, preview.picture).width, 64);
      ++previews;
    }
  }
  EXPECT_EQ(steps, 4);  // from 0 on
  EXPECT_EQ(previews, 3);
  ASSERT_EQ(message.kind, Message::Kind::kResult) << message.failure;
  EXPECT_EQ(message.id, 1);
  const auto reply = message.body_as<protocol::RunReply>();
  EXPECT_EQ(reply.job, "j1");
  ASSERT_EQ(reply.outputs.size(), 1U);
  EXPECT_EQ(reply.outputs[0].kind, "picture");
  EXPECT_EQ(protocol::take_picture(message.parts, reply.outputs[0].picture.value()).height, 64);
  const card::TaskFacts facts(card::generate_task(), reply.facts);
  EXPECT_EQ(facts.as<card::GenerationUsed>().steps, 3);
  EXPECT_GT(reply.timing.at("denoise_ms"), 0);
  EXPECT_EQ(end(), kExitOk);
}

TEST_F(SessionTest, ARunningJobIsCancelledAndTheNextOneWorks) {
  start("step_ms=5");
  station_.send(protocol::request_frame(1, job("long", 1000)));
  while (next().method != "preview") {
  }
  station_.send(protocol::notification_frame(protocol::CancelNotification{"long"}));
  const Message cancelled = reply();
  EXPECT_EQ(cancelled.kind, Message::Kind::kFailure);
  EXPECT_EQ(cancelled.failure_code, ErrorCode::kCancelled);
  station_.send(protocol::request_frame(2, job("short", 1)));
  EXPECT_EQ(reply().kind, Message::Kind::kResult);
  EXPECT_EQ(end(), kExitOk);
}

TEST_F(SessionTest, ACancelThatOvertakesItsJobTakesEffect) {
  start("step_ms=5");
  station_.send(protocol::notification_frame(protocol::CancelNotification{"later"}));
  station_.send(protocol::request_frame(1, job("later", 1000)));
  EXPECT_EQ(reply().failure_code, ErrorCode::kCancelled);
  end();
}

TEST_F(SessionTest, APingIsAnsweredWhileAJobRuns) {
  start("step_ms=5");
  station_.send(protocol::request_frame(1, job("long", 1000)));
  while (next().method != "preview") {
  }
  station_.send(protocol::request_frame(2, protocol::PingRequest{}));
  const Message pong = reply();
  EXPECT_EQ(pong.id, 2);
  EXPECT_EQ(pong.kind, Message::Kind::kResult);
  end();
}

TEST_F(SessionTest, ReportsFirstThatAJobHasBegun) {
  start("step_ms=0");
  auto refused = job("j", 1);
  refused.task = "no such task";
  station_.send(protocol::request_frame(1, refused));
  const auto first = next().body_as<protocol::ProgressNotification>();
  EXPECT_EQ(first.job, "j");
  EXPECT_EQ(first.progress.stage, "load");
  EXPECT_EQ(next().failure_code, ErrorCode::kUnsupported);
  end();
}

TEST_F(SessionTest, AResultThatIsTooLargeForAMessageIsAFailureAndTheNextOneComes) {
  start("step_ms=0");
  station_.send(protocol::request_frame(1, job("large", 1)));
  EXPECT_EQ(reply().kind, Message::Kind::kResult);
  card::GenerationInput larger;
  larger.steps = 1;
  larger.batch = 16;
  larger.width = larger.height = 512;
  station_.send(protocol::request_frame(2, request("larger", larger)));
  const Message refused = reply();
  EXPECT_EQ(refused.id, 2);
  EXPECT_EQ(refused.failure_code, ErrorCode::kTooLarge);
  station_.send(protocol::request_frame(3, job("small", 1)));
  EXPECT_EQ(reply().kind, Message::Kind::kResult);
  EXPECT_EQ(end(), kExitOk);
}

TEST_F(SessionTest, BadRequestsAreAnsweredWithSentences) {
  start("step_ms=0");
  auto bad = job("bad", 1);
  bad.input = boost::json::object{{"steps", "many"}};
  station_.send(protocol::request_frame(1, bad));
  const auto wrong = reply();
  EXPECT_EQ(wrong.failure_code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(wrong.failure_field, "/steps");
  bad = job("no picture", 1);
  bad.attachments["image"] = {{protocol::PictureRef{3, 8, 8, 3}}};
  station_.send(protocol::request_frame(2, bad));
  EXPECT_EQ(reply().failure_code, ErrorCode::kCorruptData);
  station_.send(protocol::request_frame(3, "dance", "{}", {}));
  EXPECT_EQ(reply().failure_code, ErrorCode::kUnsupported);
  station_.send(protocol::request_frame(4, protocol::PingRequest{}));
  EXPECT_EQ(reply().kind, Message::Kind::kResult);
  end();
}

TEST_F(SessionTest, ReportsItsMemoryAndUnloads) {
  start("step_ms=0");
  station_.send(protocol::request_frame(1, job("j", 1)));
  reply();
  station_.send(protocol::request_frame(2, protocol::MemoryRequest{}));
  const auto loaded = reply().body_as<protocol::MemoryReply>();
  ASSERT_EQ(loaded.models.size(), 1U);
  EXPECT_EQ(loaded.models.front().id, "fake");
  EXPECT_GT(loaded.models.front().bytes, 0);
  EXPECT_GT(loaded.process_bytes, 0);
  station_.send(protocol::request_frame(3, protocol::UnloadRequest{}));
  reply();
  station_.send(protocol::request_frame(4, protocol::MemoryRequest{}));
  EXPECT_TRUE(reply().body_as<protocol::MemoryReply>().models.empty());
  end();
}

TEST_F(SessionTest, EndsAfterItsDeviceHasFailed) {
  start("poison_at_step=1");
  station_.send(protocol::request_frame(1, job("j", 3)));
  EXPECT_EQ(reply().failure_code, ErrorCode::kWorkerLost);
  thread_.join();
  EXPECT_EQ(exit_code_, kExitDeviceLost);
}

TEST_F(SessionTest, AMalformedMessageEndsIt) {
  start("");
  station_.send({"not json", {}});
  thread_.join();
  EXPECT_EQ(exit_code_, kExitBadMessage);
}

TEST_F(SessionTest, ItsOwnEndIsNotReportedAsACancellation) {
  start("step_ms=5");
  station_.send(protocol::request_frame(1, job("runs", 1000)));
  station_.send(protocol::request_frame(2, job("waits", 1000)));
  while (next().method != "preview") {
  }
  station_.send({"not json", {}});
  while (auto frame = station_.receive()) {
    EXPECT_EQ(protocol::read_message(std::move(*frame)).kind, Message::Kind::kNotification);
  }
  thread_.join();
  EXPECT_EQ(exit_code_, kExitBadMessage);
}

TEST_F(SessionTest, AClosedSocketEndsARunningJob) {
  start("step_ms=5");
  station_.send(protocol::request_frame(1, job("long", 1000)));
  next();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(end(), kExitOk);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
}

class SuspendedSession : public SessionTest {
 protected:
  void run(std::int64_t id, const std::string& name, int steps) {
    station_.send(protocol::request_frame(id, job(name, steps)));
  }
  void suspend(const std::string& job) {
    station_.send(protocol::notification_frame(protocol::SuspendNotification{job}));
  }
  void resume(const std::string& job) {
    station_.send(protocol::notification_frame(protocol::ResumeNotification{job}));
  }
  void cancel(const std::string& job) {
    station_.send(protocol::notification_frame(protocol::CancelNotification{job}));
  }
  // Until a step of the job is reported. -> its number
  int step_of(const std::string& job) {
    for (;;) {
      const Message message = next();
      if (message.method != "progress") continue;
      const auto progress = message.body_as<protocol::ProgressNotification>();
      if (progress.job == job && progress.progress.step > 0) return progress.progress.step;
    }
  }
  // Until the job is suspended. -> the steps that are kept
  int suspended(const std::string& job) {
    for (;;) {
      const Message message = next();
      if (message.kind != Message::Kind::kNotification) throw std::runtime_error("it has ended");
      if (message.method != "suspended") continue;
      const auto notification = message.body_as<protocol::SuspendedNotification>();
      EXPECT_EQ(notification.job, job);
      return notification.step;
    }
  }
  std::vector<std::uint8_t> picture_of(Message message) {
    EXPECT_EQ(message.kind, Message::Kind::kResult) << message.failure;
    const auto reply = message.body_as<protocol::RunReply>();
    return protocol::take_picture(message.parts, reply.outputs.at(0).picture.value()).pixels;
  }
};

TEST_F(SuspendedSession, AnotherJobRunsMeanwhileAndThePictureIsTheSame) {
  start("step_ms=5,peak_mb=10");
  run(1, "undisturbed", 20);
  const auto undisturbed = picture_of(reply());
  run(2, "long", 20);
  for (int other = 3; other < 6; ++other) {
    const int before = step_of("long");
    suspend("long");
    const int kept = suspended("long");
    EXPECT_GE(kept, before);
    run(other, "other", 2);
    const Message between = reply();
    EXPECT_EQ(between.id, other);
    EXPECT_EQ(between.body_as<protocol::RunReply>().peak_bytes, 10 << 20);
    resume("long");
    EXPECT_EQ(step_of("long"), kept + 1);  // the step that was left is done again
  }
  const Message end_of_long = reply();
  EXPECT_EQ(end_of_long.id, 2);
  EXPECT_EQ(end_of_long.body_as<protocol::RunReply>().peak_bytes, 0);
  EXPECT_EQ(picture_of(end_of_long), undisturbed);
  EXPECT_EQ(end(), kExitOk);
}

TEST_F(SuspendedSession, OtherRequestsAreAnsweredAndItsModelStays) {
  start("step_ms=5");
  run(1, "long", 1000);
  step_of("long");
  suspend("long");
  suspended("long");
  station_.send(protocol::request_frame(2, protocol::MemoryRequest{}));
  EXPECT_EQ(reply().body_as<protocol::MemoryReply>().models.size(), 1U);
  station_.send(protocol::request_frame(3, protocol::EvictRequest{"fake"}));
  EXPECT_EQ(reply().body_as<protocol::MemoryReply>().models.size(), 1U);
  station_.send(protocol::request_frame(4, protocol::UnloadRequest{}));
  EXPECT_EQ(reply().id, 4);
  station_.send(protocol::request_frame(5, protocol::InspectRequest{}));
  EXPECT_EQ(reply().id, 5);
  cancel("long");
  EXPECT_EQ(reply().failure_code, ErrorCode::kCancelled);
  station_.send(protocol::request_frame(6, protocol::EvictRequest{"fake"}));
  EXPECT_TRUE(reply().body_as<protocol::MemoryReply>().models.empty());
  EXPECT_EQ(end(), kExitOk);
}

TEST_F(SuspendedSession, ARequestThatCameBeforeTheResumeIsCarriedOutBeforeIt) {
  start("step_ms=5");
  run(1, "long", 1000);
  step_of("long");
  suspend("long");
  suspended("long");
  run(2, "other", 4);
  station_.send(protocol::request_frame(3, protocol::MemoryRequest{}));
  resume("long");
  std::vector<std::int64_t> replies;
  for (bool goes_on = false; !goes_on;) {
    const Message message = next();
    if (message.kind == Message::Kind::kResult) replies.push_back(message.id);
    goes_on = message.method == "progress" &&
              message.body_as<protocol::ProgressNotification>().job == "long";
  }
  EXPECT_EQ(replies, (std::vector<std::int64_t>{2, 3}));
  end();
}

TEST_F(SuspendedSession, AResumeTakesASuspendBackThatHasHadNoEffect) {
  start("step_ms=5");
  run(1, "first", 1000);
  run(2, "waits", 3);  // is suspended before it begins
  step_of("first");
  suspend("waits");
  resume("waits");
  cancel("first");
  EXPECT_EQ(reply().id, 1);
  EXPECT_EQ(reply().id, 2);
  run(3, "third", 1000);
  step_of("third");
  run(4, "fourth", 1000);
  suspend("fourth");
  cancel("third");
  EXPECT_EQ(reply().id, 3);
  EXPECT_EQ(suspended("fourth"), 0);
  resume("fourth");
  step_of("fourth");
  end();
}

TEST_F(SuspendedSession, JobsThatAreUnknownEndedOrCannotWaitAreLeftAlone) {
  start("step_ms=5");
  suspend("unknown");
  resume("unknown");
  run(1, "ended", 1);
  EXPECT_EQ(reply().id, 1);
  suspend("ended");
  run(2, "ended", 3);  // the same name again: it was not asked to wait
  EXPECT_EQ(reply().kind, Message::Kind::kResult);
  protocol::RunRequest classify;
  classify.job = "c";
  classify.task = "classify";
  classify.input = boost::json::object{};
  classify.models["model"] = protocol::model_files("fake", "");
  std::vector<protocol::Bytes> parts;
  media::Image picture{8, 8, 3, std::vector<std::uint8_t>(192)};
  classify.attachments["image"] = {{protocol::add_picture(parts, std::move(picture))}};
  station_.send(protocol::request_frame(3, classify, std::move(parts)));
  suspend("c");
  for (;;) {
    const Message message = next();
    EXPECT_NE(message.method, "suspended");
    if (message.kind == Message::Kind::kNotification) continue;
    EXPECT_EQ(message.kind, Message::Kind::kResult) << message.failure;
    break;
  }
  EXPECT_EQ(end(), kExitOk);
}

TEST_F(SuspendedSession, AsManyWaitAsAreAllowedAndTheNextOneGoesOn) {
  static_assert(protocol::kSuspendedJobsMax == 2);
  start("step_ms=5");
  for (const std::string job : {"a", "b"}) {
    run(1, job, 1000);
    step_of(job);
    suspend(job);
    suspended(job);
  }
  run(3, "c", 20);
  step_of("c");
  suspend("c");
  EXPECT_EQ(reply().id, 3);
  resume("b");
  step_of("b");
  run(4, "d", 20);  // waits for the place
  cancel("b");
  EXPECT_EQ(reply().failure_code, ErrorCode::kCancelled);
  EXPECT_EQ(reply().id, 4);
  cancel("a");
  EXPECT_EQ(reply().failure_code, ErrorCode::kCancelled);
  EXPECT_EQ(end(), kExitOk);
}

TEST_F(SuspendedSession, ACancelTakesEffectWhileItWaitsAndAnotherJobRuns) {
  start("step_ms=5");
  run(1, "a", 1000);
  step_of("a");
  suspend("a");
  suspended("a");
  run(2, "b", 1000);
  step_of("b");
  cancel("a");
  const Message cancelled = reply();
  EXPECT_EQ(cancelled.id, 1);
  EXPECT_EQ(cancelled.failure_code, ErrorCode::kCancelled);
  resume("a");  // too late: left alone
  step_of("b");
  cancel("b");
  EXPECT_EQ(reply().id, 2);
  run(3, "c", 2);
  EXPECT_EQ(reply().id, 3);
  // One that was to go on, and waits for its place.
  run(4, "d", 1000);
  step_of("d");
  suspend("d");
  suspended("d");
  run(5, "e", 1000);
  step_of("e");
  resume("d");
  run(6, "f", 2);
  cancel("d");
  EXPECT_EQ(reply().id, 4);
  cancel("e");
  EXPECT_EQ(reply().id, 5);
  EXPECT_EQ(reply().id, 6);
  EXPECT_EQ(end(), kExitOk);
}

TEST_F(SuspendedSession, AClosedSocketEndsIt) {
  start("step_ms=5");
  run(1, "a", 1000);
  step_of("a");
  suspend("a");
  suspended("a");
  run(2, "b", 1000);
  step_of("b");
  EXPECT_EQ(end(), kExitOk);
}

TEST_F(SuspendedSession, AFailedDeviceEndsItWithoutACancellation) {
  start("step_ms=5,poison_at_step=3");
  run(1, "a", 1000);
  suspend("a");
  EXPECT_EQ(suspended("a"), 0);
  run(2, "b", 1000);
  const Message lost = reply();
  EXPECT_EQ(lost.id, 2);
  EXPECT_EQ(lost.failure_code, ErrorCode::kWorkerLost);
  EXPECT_FALSE(station_.receive());
  thread_.join();
  EXPECT_EQ(exit_code_, kExitDeviceLost);
}

// An engine that runs two jobs at the same time: a job ends after the other one has begun, its
// input says how. Calls from the wrong thread fail the test.
class EngineOfTwo final : public engine::Engine {
 public:
  engine::EngineReport report() override {
    engine::EngineReport report;
    report.running_max = 2;
    return report;
  }
  engine::MemoryReport memory() override { return {}; }
  std::vector<std::string> tasks() override { return {}; }
  std::vector<card::NamedChoice> samplers() override { return {}; }
  std::vector<card::NamedChoice> schedules() override { return {}; }
  card::ModelCard inspect(const engine::ModelFiles&) override {
    expect_no_job();
    return {};
  }
  engine::RunResult run(engine::RunRequest request, engine::JobObserver& observer) override {
    EXPECT_LE(++running_, 2);
    const Running counted{running_};
    observer.on_progress({.stage = request.task});
    // "alone" ends by itself, the others when they are cancelled.
    while (request.task != "alone") {
      if (observer.cancelled()) throw Error(ErrorCode::kCancelled, "the job was cancelled");
      if (request.task == "poison" && running_ == 2) {
        throw Error(ErrorCode::kWorkerLost, "the device failed");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return {{{"text", {}, "\"done\""}}, "{}", {}};
  }
  void unload_all() override { expect_no_job(); }
  void evict(const std::string&) override { expect_no_job(); }
  void give_back_memory() override { expect_no_job(); }

 private:
  struct Running {
    ~Running() { --running; }
    std::atomic<int>& running;
  };
  void expect_no_job() { EXPECT_EQ(running_, 0); }

  std::atomic<int> running_ = 0;
};

class SessionOfTwo : public SessionTest {
 protected:
  SessionOfTwo() {
    engine_ = std::make_unique<EngineOfTwo>();
    thread_ = std::jthread([this] { exit_code_ = Session(worker_end_, *engine_).run(); });
  }
  void send(std::int64_t id, const std::string& job, const std::string& task) {
    protocol::RunRequest request;
    request.job = job;
    request.task = task;
    station_.send(protocol::request_frame(id, request));
  }
  void cancel(const std::string& job) {
    station_.send(protocol::notification_frame(protocol::CancelNotification{job}));
  }
  // Until every one of these jobs has begun: -> the stages that were reported of each.
  std::map<std::string, std::vector<std::string>> begun(const std::set<std::string>& jobs) {
    std::map<std::string, std::vector<std::string>> stages;
    for (std::size_t left = jobs.size() * 2; left > 0; --left) {
      const auto progress = next().body_as<protocol::ProgressNotification>();
      stages[progress.job].push_back(progress.progress.stage);
    }
    return stages;
  }
};

TEST_F(SessionOfTwo, JobsOverlapWithTheirOwnNotificationsAndCancellations) {
  send(1, "a", "first");
  send(2, "b", "second");
  const auto stages = begun({"a", "b"});
  EXPECT_EQ(stages.at("a"), (std::vector<std::string>{"load", "first"}));
  EXPECT_EQ(stages.at("b"), (std::vector<std::string>{"load", "second"}));
  cancel("b");
  Message message = reply();
  EXPECT_EQ(message.id, 2);
  EXPECT_EQ(message.failure_code, ErrorCode::kCancelled);
  send(3, "c", "alone");  // runs beside "a"
  message = reply();
  EXPECT_EQ(message.id, 3);
  ASSERT_EQ(message.kind, Message::Kind::kResult) << message.failure;
  EXPECT_EQ(message.body_as<protocol::RunReply>().outputs.at(0).value.as_string(), "done");
  cancel("a");
  EXPECT_EQ(reply().id, 1);
  EXPECT_EQ(end(), kExitOk);
}

TEST_F(SessionOfTwo, AThirdJobAndOtherRequestsWaitInTheirOrder) {
  send(1, "a", "first");
  send(2, "b", "second");
  begun({"a", "b"});
  station_.send(protocol::request_frame(3, protocol::MemoryRequest{}));
  send(4, "c", "alone");
  station_.send(protocol::request_frame(5, protocol::UnloadRequest{}));
  station_.send(protocol::request_frame(6, protocol::PingRequest{}));
  EXPECT_EQ(reply().id, 6);  // while both run
  cancel("a");
  EXPECT_EQ(reply().id, 1);
  cancel("b");
  for (const std::int64_t id : {2, 3, 4, 5}) EXPECT_EQ(reply().id, id);
  EXPECT_EQ(end(), kExitOk);
}

TEST_F(SessionOfTwo, AFailedDeviceEndsTheOtherJobWithoutACancellation) {
  send(1, "a", "first");
  begun({"a"});
  send(2, "b", "poison");
  const Message lost = reply();
  EXPECT_EQ(lost.id, 2);
  EXPECT_EQ(lost.failure_code, ErrorCode::kWorkerLost);
  EXPECT_FALSE(station_.receive());
  thread_.join();
  EXPECT_EQ(exit_code_, kExitDeviceLost);
}

TEST_F(SessionOfTwo, AClosedSocketEndsBothJobs) {
  send(1, "a", "first");
  send(2, "b", "second");
  begun({"a", "b"});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(end(), kExitOk);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
}

struct TaleInput {
  std::string model, pieces;
};
BOOST_DESCRIBE_STRUCT(TaleInput, (), (model, pieces))

// A task that streams its text; this program has none.
const card::TaskDescription& tale_task() {
  static const card::TaskDescription kTask{
      .id = "tale",
      .outputs = {"text"},
      .streams_text = true,
      .input = card::codec_of<TaleInput>(),
      .facts = card::codec_of<TaleInput>(),
  };
  return kTask;
}

// Runs that task as the fake engine would, or sends other text first.
class EngineOfTales final : public engine::Engine {
 public:
  explicit EngineOfTales(const std::string& switches) : switches_(read_fake_switches(switches)) {}
  engine::EngineReport report() override { return {}; }
  engine::MemoryReport memory() override { return {}; }
  std::vector<std::string> tasks() override { return {tale_task().id}; }
  std::vector<card::NamedChoice> samplers() override { return {}; }
  std::vector<card::NamedChoice> schedules() override { return {}; }
  card::ModelCard inspect(const engine::ModelFiles&) override { return {}; }
  engine::RunResult run(engine::RunRequest request, engine::JobObserver& observer) override {
    const card::TaskInput input(tale_task(), json::parse(request.input_json));
    const auto pieces = input.text("pieces");
    if (pieces == "half a sequence") observer.on_text("W\xC3");
    if (pieces == "too long") {
      for (;;) observer.on_text(std::string(10'000, 'x'));
    }
    FakeRun run(switches_, state_, request, input, observer);
    return fake_any_task(run);
  }
  void unload_all() override {}
  void evict(const std::string&) override {}
  void give_back_memory() override {}

 private:
  const FakeSwitches switches_;
  FakeState state_;
};

class SessionWithTales : public SessionTest {
 protected:
  void start(const std::string& switches) {
    engine_ = std::make_unique<EngineOfTales>(switches);
    thread_ = std::jthread([this] { exit_code_ = Session(worker_end_, *engine_).run(); });
  }
  void send(std::int64_t id, const std::string& job, const std::string& pieces = "") {
    protocol::RunRequest request;
    request.job = job;
    request.task = tale_task().id;
    request.input = boost::json::object{{"pieces", pieces}};
    request.models["model"] = protocol::model_files("fake", "");
    station_.send(protocol::request_frame(id, request));
  }
  // Messages up to the reply; the text of the job is put together.
  Message reply_with_text(const std::string& job, std::string& text) {
    for (;;) {
      Message message = next();
      if (message.kind != Message::Kind::kNotification) return message;
      if (message.method != "text") continue;
      const auto piece = message.body_as<protocol::TextNotification>();
      EXPECT_EQ(piece.job, job);
      EXPECT_EQ(piece.offset, std::ssize(text));
      EXPECT_FALSE(piece.text.empty());
      text += piece.text;
    }
  }
};

TEST_F(SessionWithTales, TextIsStreamedInOrderBetweenTheStepsAndIsTheOutput) {
  start("step_ms=1");
  for (const std::string job : {"first", "second"}) {  // each counts its offsets from 0
    send(1, job);
    std::vector<std::string> methods;
    std::string text;
    Message message = next();
    for (; message.kind == Message::Kind::kNotification; message = next()) {
      methods.push_back(message.method);
      if (message.method != "text") continue;
      const auto piece = message.body_as<protocol::TextNotification>();
      EXPECT_EQ(piece.job, job);
      EXPECT_EQ(piece.offset, std::ssize(text));
      text += piece.text;
    }
    EXPECT_EQ(methods.front(), "progress");
    const auto first_text = std::ranges::find(methods, "text");
    EXPECT_NE(std::find(first_text, methods.end(), "progress"), methods.end());
    EXPECT_GE(std::ranges::count(methods, "text"), 3);
    ASSERT_EQ(message.kind, Message::Kind::kResult) << message.failure;
    const auto outputs = message.body_as<protocol::RunReply>().outputs;
    EXPECT_EQ(outputs.at(0).value.as_string(), text);
  }
  EXPECT_EQ(end(), kExitOk);
}

TEST_F(SessionWithTales, AStreamOfTextIsCancelledInItsMiddle) {
  start("step_ms=50");
  send(1, "long");
  while (next().method != "text") {
  }
  station_.send(protocol::notification_frame(protocol::CancelNotification{"long"}));
  EXPECT_EQ(reply().failure_code, ErrorCode::kCancelled);
  std::string text;
  send(2, "other");
  EXPECT_EQ(reply_with_text("other", text).kind, Message::Kind::kResult);
  EXPECT_EQ(text, "text of the fake engine");
  EXPECT_EQ(end(), kExitOk);
}

TEST_F(SessionWithTales, TextThatTheStationWouldRefuseIsAFailureOfItsJobAlone) {
  start("step_ms=0");
  std::string text;
  send(1, "a", "half a sequence");
  EXPECT_EQ(reply_with_text("a", text).failure_code, ErrorCode::kInternal);
  EXPECT_EQ(text, "");
  send(2, "b", "too long");
  EXPECT_EQ(reply_with_text("b", text).failure_code, ErrorCode::kTooLarge);
  EXPECT_LE(text.size(), card::kStreamedTextBytesMax);
  EXPECT_GT(text.size(), card::kStreamedTextBytesMax - 10'000);
  text.clear();
  send(3, "c");
  EXPECT_EQ(reply_with_text("c", text).kind, Message::Kind::kResult);
  EXPECT_EQ(end(), kExitOk);
}

}  // namespace
}  // namespace atelier::worker
