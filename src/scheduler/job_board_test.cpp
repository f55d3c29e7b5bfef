#include "scheduler/job_board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "card/tasks/generate.h"
#include "domain/settings/limits.h"

namespace atelier::scheduler {
namespace {

using domain::Job;
using domain::JobEvent;
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

// A client that saw the other event and reconnects would otherwise never get the end.
TEST(JobBoard, TheLastEventHasTheGreatestIdOfItsJobAlsoWhereAnotherCameInBetween) {
  JobBoard board(5);
  auto ended = job("a", JobState::kCancelled);
  ended.last_event = board.take_event_id();  // by the thread that cancels it
  Listening listening;
  listening.listen(board, job("a", JobState::kQueued));
  ASSERT_GT(listening.heard.at(0)->id, ended.last_event);
  board.publish("state", ended, 7);
  ASSERT_EQ(listening.heard.size(), 2U);
  EXPECT_GT(listening.heard[1]->id, listening.heard[0]->id);
  EXPECT_EQ(board.end_event(ended), listening.heard[1]->id);
  board.publish("state", ended, 7);  // again: it stays the last one
  EXPECT_EQ(board.end_event(ended), listening.heard[1]->id);
  Listening again;
  again.listen(board, ended, listening.heard[0]->id);
  ASSERT_EQ(again.heard.size(), 1U);
  EXPECT_EQ(again.heard[0]->id, listening.heard[1]->id);
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

// Puts pieces of text together as a client does; a piece that does not continue the text fails.
struct Reading {
  std::string text;
  std::vector<std::int64_t> offsets = {};
  std::int64_t seen = 0;

  void take(const JobEvent& event) {
    EXPECT_GT(event.id, seen);
    seen = event.id;
    if (event.type != domain::kTextEvent) return;
    offsets.push_back(event.offset);
    if (event.offset == 0) text.clear();
    EXPECT_EQ(event.offset, std::ssize(text));
    text += event.text;
  }
  void take_all(const std::vector<SharedEvent>& events) {
    for (const auto& event : events) take(*event);
  }
};

TEST(JobBoard, TextIsSentInPiecesAndKeptAsAWhole) {
  JobBoard board(5);
  auto running = job("a", JobState::kRunning);
  running.reason.assign(10'000, 'x');
  board.publish("state", running, 6);
  Listening live;
  live.listen(board, running);
  board.add_text("a", "ein ", 7);
  board.add_text("a", "Wörtchen", 8);
  board.add_text("a", "", 9);
  EXPECT_THAT(live.types(), ElementsAre("state", "text", "text"));
  EXPECT_EQ(live.heard[2]->offset, 4);
  EXPECT_EQ(live.heard[2]->text, "Wörtchen");
  EXPECT_EQ(live.heard[2]->time_ms, 8);
  EXPECT_EQ(live.heard[2]->job.id, "a");
  EXPECT_EQ(live.heard[2]->job.state, JobState::kRunning);
  EXPECT_LT(domain::bytes_of(*live.heard[2]), 2000U);  // without the rest of the job
  EXPECT_EQ(board.text("a"), "ein Wörtchen");
  Listening late;
  late.listen(board, running);
  EXPECT_THAT(late.types(), ElementsAre("state", "text"));
  EXPECT_EQ(late.heard[1]->text, "ein Wörtchen");
  Listening again;
  again.listen(board, running, live.heard[1]->id);
  EXPECT_THAT(again.types(), ElementsAre("text"));
  EXPECT_EQ(again.heard[0]->offset, 4);
  EXPECT_EQ(again.heard[0]->text, "Wörtchen");
  board.add_text("a", "!", 9);
  for (const auto* each : {&live, &late, &again}) {
    EXPECT_EQ(each->heard.back()->offset, 13);
    EXPECT_EQ(each->heard.back()->text, "!");
  }
  Listening nothing_new;
  nothing_new.listen(board, running, live.heard.back()->id);
  EXPECT_TRUE(nothing_new.heard.empty());
}

TEST(JobBoard, TextDoesNotDisplaceOtherEvents) {
  JobBoard board(5);
  board.publish("state", job("a", JobState::kQueued), 5);
  board.publish("state", job("a", JobState::kRunning), 6);
  std::string text;
  for (int i = 0; i < 5000; ++i) {
    board.add_text("a", "word ", 7);
    text += "word ";
  }
  board.publish("progress", job("a", JobState::kRunning), 8);
  Listening listening;
  listening.listen(board, job("a", JobState::kRunning));
  EXPECT_THAT(listening.types(), ElementsAre("state", "state", "text", "progress"));
  EXPECT_EQ(listening.heard[2]->text, text);
  // One that was left far behind does not lack anything.
  Listening behind;
  behind.listen(board, job("a", JobState::kRunning), listening.heard[1]->id + 1);
  EXPECT_THAT(behind.types(), ElementsAre("text", "progress"));
  EXPECT_EQ(behind.heard[0]->offset, 0);
  EXPECT_EQ(behind.heard[0]->text, text);
}

TEST(JobBoard, TheNewestProgressFollowsTheTextSoFar) {
  JobBoard board(5);
  auto running = job("a", JobState::kRunning);
  board.publish("state", running, 6);
  running.progress.step = 3;
  board.publish("progress", running, 7);
  running.progress.step = 4;
  board.publish("progress", running, 7);
  board.add_text("a", "word", 8);
  Listening listening;
  listening.listen(board, running);
  EXPECT_THAT(listening.types(), ElementsAre("state", "text", "progress"));
  EXPECT_EQ(listening.heard[2]->job.progress.step, 4);
  EXPECT_GT(listening.heard[2]->id, listening.heard[1]->id);
}

TEST(JobBoard, TextThatStartsAgainHasTheOffset0) {
  JobBoard board(5);
  const auto running = job("a", JobState::kRunning);
  board.publish("state", running, 6);
  board.restart_text("a", 7);  // there is none
  Listening live;
  live.listen(board, running);
  EXPECT_THAT(live.types(), ElementsAre("state"));
  board.add_text("a", "first", 7);
  board.restart_text("a", 7);
  EXPECT_EQ(board.text("a"), "");
  EXPECT_EQ(live.heard.back()->offset, 0);
  EXPECT_EQ(live.heard.back()->text, "");
  Listening between;  // it has seen "first"
  between.listen(board, running, live.heard[1]->id);
  EXPECT_THAT(between.types(), ElementsAre("text"));
  EXPECT_EQ(between.heard[0]->text, "");
  Listening fresh;
  fresh.listen(board, running);
  EXPECT_THAT(fresh.types(), ElementsAre("state"));
  board.add_text("a", "second", 8);
  for (const auto* each : {&live, &between, &fresh}) {
    EXPECT_EQ(each->heard.back()->offset, 0);
    EXPECT_EQ(each->heard.back()->text, "second");
  }
}

TEST(JobBoard, NoTextIsKeptOfAJobThatHasEnded) {
  for (const auto state : {JobState::kSucceeded, JobState::kFailed, JobState::kCancelled}) {
    JobBoard board(5);
    board.publish("state", job("a", JobState::kRunning), 6);
    board.add_text("a", "word", 7);
    board.publish("result", job("a", state), 8);
    EXPECT_EQ(board.text("a"), "");
    board.add_text("a", "late", 9);
    Listening listening;
    listening.listen(board, job("a", state));
    EXPECT_THAT(listening.types(), ElementsAre("state", "end"));
    EXPECT_EQ(board.text("a"), "");
  }
  JobBoard board(5);
  board.add_text("unknown", "word", 7);
  EXPECT_EQ(board.text("unknown"), "");
}

// A client may lose its connection after any event, also in the middle of a replay.
TEST(JobBoard, AClientThatReconnectsAtAnyEventLosesNoTextAndGetsNoneTwice) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const auto chance = [&random](unsigned one_in) { return random() % one_in == 0; };
    JobBoard board(5);
    const auto running = job("a", JobState::kRunning);
    board.publish("state", running, 6);
    Reading reading;
    auto connection = std::make_unique<Listening>();
    connection->listen(board, running);
    std::size_t received = 0;
    for (int i = 0; i < 300; ++i) {
      if (chance(3)) board.publish("progress", running, 7);
      if (chance(60)) board.publish("state", running, 7);
      if (chance(80)) board.restart_text("a", 7);
      if (!chance(4)) board.add_text("a", std::string(1 + random() % 9, char('a' + i % 26)), 7);
      while (received < connection->heard.size() && !chance(5)) {
        reading.take(*connection->heard[received++]);
      }
      if (!chance(10)) continue;
      connection = std::make_unique<Listening>();  // what was on its way is lost
      received = 0;
      connection->listen(board, running, reading.seen);
    }
    while (received < connection->heard.size()) reading.take(*connection->heard[received++]);
    ASSERT_EQ(reading.text, board.text("a")) << seed;
    // As a rule the text goes on where it was.
    const auto starts = std::ranges::count(reading.offsets, 0);
    EXPECT_LT(starts, 40) << seed;
    EXPECT_GT(std::ssize(reading.offsets), starts) << seed;
  }
}

}  // namespace
}  // namespace atelier::scheduler
