#include "scheduler/job_board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "card/tasks/generate.h"
#include "domain/settings/limits.h"

namespace atelier::scheduler {
namespace {

using domain::Job;
using domain::JobState;
using testing::ElementsAre;

Job job(const std::string& id, JobState state) {
  Job result;
  result.id = id;
  result.state = state;
  result.finished_ms = domain::is_terminal(state) ? 7 : 0;
  return result;
}

struct Listening {
  std::vector<SharedEvent> heard;
  std::shared_ptr<Subscriber> subscriber;

  void listen(JobBoard& board, const Job& stored, std::int64_t after = 0) {
    subscriber = std::make_shared<Subscriber>(
        after, [this](const SharedEvent& event) { heard.push_back(event); });
    board.attach(stored.id, subscriber, stored);
  }
  std::vector<std::string> types() const {
    std::vector<std::string> result;
    for (const auto& event : heard) result.push_back(event->type);
    return result;
  }
};

TEST(JobBoard, ReplaysThenContinues) {
  JobBoard board(5);
  board.publish("state", job("a", JobState::kQueued), 5);
  board.publish("state", job("a", JobState::kRunning), 6);
  board.publish("state", job("b", JobState::kRunning), 6);
  Listening listening;
  listening.listen(board, job("a", JobState::kRunning));
  board.publish("progress", job("a", JobState::kRunning), 7);
  board.publish("result", job("a", JobState::kSucceeded), 8);
  EXPECT_THAT(listening.types(), ElementsAre("state", "state", "progress", "end"));
  for (std::size_t i = 1; i < listening.heard.size(); ++i) {
    EXPECT_GT(listening.heard[i]->id, listening.heard[i - 1]->id);
  }
}

TEST(JobBoard, SkipsEventsThatTheListenerHasSeen) {
  JobBoard board(5);
  board.publish("state", job("a", JobState::kQueued), 5);
  board.publish("state", job("a", JobState::kRunning), 6);
  Listening all;
  all.listen(board, job("a", JobState::kRunning));
  Listening rest;
  rest.listen(board, job("a", JobState::kRunning), all.heard[0]->id);
  EXPECT_THAT(rest.types(), ElementsAre("state"));
  EXPECT_EQ(rest.heard[0]->id, all.heard[1]->id);
}

TEST(JobBoard, TheEndOfAnEndedJobIsAlwaysSent) {
  JobBoard board(5);
  board.publish("state", job("a", JobState::kRunning), 6);
  board.publish("progress", job("a", JobState::kRunning), 6);
  board.publish("error", job("a", JobState::kFailed), 7);
  Listening late;
  late.listen(board, job("a", JobState::kFailed), INT64_MAX);
  EXPECT_THAT(late.types(), ElementsAre("end"));
  Listening before_restart;
  before_restart.listen(board, job("old", JobState::kSucceeded));
  EXPECT_THAT(before_restart.types(), ElementsAre("end"));
}

TEST(JobBoard, TheLastEventHasTheSameTypeForEveryOutcome) {
  JobBoard board(5);
  for (const auto state : {JobState::kSucceeded, JobState::kFailed, JobState::kCancelled}) {
    const Job ended = job("a" + std::string(domain::job_state_name(state)), state);
    board.publish("state", job(ended.id, JobState::kRunning), 6);
    EXPECT_EQ(board.end_event(ended), 0);  // it is in the database, but not published yet
    board.publish("state", ended, 7);
    Listening listening;
    listening.listen(board, ended);
    EXPECT_THAT(listening.types(), ElementsAre("state", "end"));
    EXPECT_EQ(board.end_event(ended), listening.heard.back()->id);
  }
  Job forgotten = job("old", JobState::kFailed);
  forgotten.last_event = 3;
  Listening listening;
  listening.listen(board, forgotten);
  EXPECT_EQ(board.end_event(forgotten), 3);
  EXPECT_EQ(listening.heard.back()->id, 3);
  EXPECT_EQ(board.end_event(job("old", JobState::kRunning)), 0);
}

TEST(JobBoard, LongPromptsCostBoundedMemory) {
  JobBoard board(5);
  const auto bytes_held = [&board](const std::string& id) {
    Listening listening;
    listening.listen(board, job(id, JobState::kRunning));
    std::size_t bytes = 0;
    for (const auto& event : listening.heard) bytes += domain::bytes_of(*event);
    return bytes;
  };
  Job running = job("a", JobState::kRunning);
  card::GenerationInput input;
  input.prompt.assign(card::kPromptBytesMax, 'x');
  running.input.parameters = card::TaskInput::of(card::generate_task(), input);
  for (std::size_t i = 0; i < domain::limits::kEventsPerJob; ++i) {
    board.publish("progress", running, 6);
  }
  EXPECT_LE(bytes_held("a"), domain::limits::kEventBytesPerJob);
  EXPECT_GT(bytes_held("a"), domain::limits::kEventBytesPerJob / 2);
  std::size_t kept = 0;
  Job ended = running;
  ended.state = JobState::kSucceeded;
  input.negative_prompt = std::string(1 << 20, 'y');
  ended.input.parameters = card::TaskInput::of(card::generate_task(), input);
  for (std::size_t i = 0; i < 1000; ++i) {
    ended.id = "ended" + std::to_string(i);
    board.publish("result", ended, 7);
    board.publish("result", ended, 7);  // published twice, counted once
  }
  for (std::size_t i = 0; i < 1000; ++i) {
    if (board.find("ended" + std::to_string(i))) ++kept;
  }
  EXPECT_LT(kept, domain::limits::kEndedJobBytesKept >> 20);
  EXPECT_GT(kept, domain::limits::kEndedJobBytesKept >> 22);
}

TEST(JobBoard, TheLastEventHasTheIdThatIsStoredWithTheJob) {
  JobBoard board(5);
  board.publish("state", job("a", JobState::kRunning), 6);
  auto ended = job("a", JobState::kSucceeded);
  ended.last_event = board.take_event_id();
  board.publish("state", job("b", JobState::kRunning), 6);  // others go on meanwhile
  board.publish("result", ended, 7);
  Listening listening;
  listening.listen(board, ended);
  EXPECT_EQ(listening.heard.back()->id, ended.last_event);
  JobBoard next_life(1000);
  Listening late;
  late.listen(next_life, ended);
  ASSERT_EQ(late.heard.size(), 1U);
  EXPECT_EQ(late.heard[0]->id, ended.last_event);
}

TEST(JobBoard, ASubscriptionThatEndedGetsNoEvents) {
  JobBoard board(5);
  Listening listening;
  listening.listen(board, job("a", JobState::kQueued));
  listening.subscriber->end();
  board.publish("state", job("a", JobState::kRunning), 6);
  EXPECT_THAT(listening.types(), ElementsAre("state"));
}

TEST(JobBoard, DropsOldProgressAndOldJobs) {
  JobBoard board(5);
  board.publish("state", job("a", JobState::kRunning), 6);
  for (std::size_t i = 0; i < 2 * domain::limits::kEventsPerJob; ++i) {
    board.publish("progress", job("a", JobState::kRunning), 6);
  }
  Listening listening;
  listening.listen(board, job("a", JobState::kRunning));
  EXPECT_EQ(listening.heard.size(), domain::limits::kEventsPerJob);
  EXPECT_EQ(listening.heard[0]->type, "state");
  for (std::size_t i = 0; i <= domain::limits::kEndedJobsKept; ++i) {
    board.publish("result", job("ended" + std::to_string(i), JobState::kSucceeded), 7);
  }
  EXPECT_FALSE(board.find("ended0"));
  EXPECT_TRUE(board.find("ended1"));
  EXPECT_TRUE(board.find("a"));
}

}  // namespace
}  // namespace atelier::scheduler
