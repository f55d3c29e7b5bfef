// The scheduler with the real programs: a worker on the fake engine, real decoders, real stores.
#include "scheduler/local_scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <thread>

#include "card/composite.h"
#include "card/tasks/enhance.h"
#include "card/tasks/generate.h"
#include "platform/error.h"
#include "tests/doubles/scheduler_fixture.h"
#include "tests/doubles/scripted_child.h"

namespace atelier::scheduler {
namespace {

using testing::HasSubstr;

TEST_F(LocalSchedulerTest, AJobBecomesAPictureWithItsParametersAsText) {
  start();
  auto ask = new_job();
  ask.input.parameters = ask.input.parameters.with("batch", 2);
  const auto job = run(ask);
  ASSERT_EQ(job.state, JobState::kSucceeded) << (job.failure ? job.failure->sentence : "");
  ASSERT_TRUE(job.result);
  ASSERT_EQ(job.result->artifacts().size(), 2U);
  EXPECT_EQ(job.result->used.as<card::GenerationUsed>().seed, 7U);
  EXPECT_EQ(job.attempt, 1);
  const auto picture = scheduler_->artifact(job.result->artifacts()[1]);
  EXPECT_EQ(picture.media_type, "image/png");
  const std::string bytes(picture.bytes.begin(), picture.bytes.end());
  EXPECT_THAT(bytes, HasSubstr("a red circle\nSteps: 4, "));
  EXPECT_THAT(bytes, HasSubstr("Seed: 8, "));
  EXPECT_THAT(bytes, HasSubstr("\"job\":\"" + job.id + "\""));
}

TEST_F(LocalSchedulerTest, EventsOfAJobArriveInOrder) {
  options_.workers[0].launch =
      worker("step_ms=5,late_ms=1500");  // time for a preview to be encoded
  start();
  auto ask = new_job(6);
  ask.input.parameters = ask.input.parameters.with("preview_every", 2);
  const auto id = scheduler_->submit(ask).id;
  Hearing hearing(*scheduler_, id);
  hearing.wait_for_end();
  const auto events = hearing.events();
  EXPECT_EQ(events.front().job.state, JobState::kQueued);
  EXPECT_EQ(events.back().type, "end");
  EXPECT_EQ(scheduler_->end_event(id), events.back().id);
  double fraction = 0;
  for (std::size_t i = 1; i < events.size(); ++i) {
    EXPECT_GT(events[i].id, events[i - 1].id);
    EXPECT_GE(events[i].job.progress.fraction, fraction);
    fraction = events[i].job.progress.fraction;
  }
  EXPECT_EQ(fraction, 1.0);
  const auto preview = std::ranges::find(events, "preview", &JobEvent::type);
  ASSERT_NE(preview, events.end());
  EXPECT_THAT(events.back().job.progress.preview_artifact, HasSubstr("preview-"));
  EXPECT_EQ(scheduler_->artifact(events.back().job.progress.preview_artifact).media_type,
            "image/jpeg");
  Hearing late(*scheduler_, id, events[1].id);
  late.wait_for_end();
  EXPECT_EQ(late.events().front().id > events[1].id, true);
}

TEST_F(LocalSchedulerTest, AWorkerKilledInMidJobIsReplacedAndTheJobRunsOnceMore) {
  options_.workers[0].launch = worker("step_ms=40");
  start();
  const auto id = scheduler_->submit(new_job(20)).id;
  Hearing hearing(*scheduler_, id);
  hearing.wait(is_denoising);
  ASSERT_EQ(::kill(worker_pid(), SIGKILL), 0);
  const auto job = hearing.wait_for_end();
  EXPECT_EQ(job.state, JobState::kSucceeded) << (job.failure ? job.failure->sentence : "");
  EXPECT_EQ(job.attempt, 2);
  const auto again = hearing.wait(
      [](const Job& seen) { return seen.state == JobState::kQueued && seen.attempt == 1; });
  EXPECT_THAT(again.reason, HasSubstr("runs again"));
  EXPECT_EQ(scheduler_->status().workers[0].restarts, 1);
}

// Text as a client puts it together from events; a piece that does not continue it fails the test.
struct StreamedText {
  std::string text;
  int starts = 0, pieces = 0;
};
StreamedText text_of(const std::vector<JobEvent>& events) {
  StreamedText read;
  for (const auto& event : events) {
    if (event.type != domain::kTextEvent) continue;
    if (event.offset == 0) {
      read.text.clear();
      ++read.starts;
    }
    EXPECT_EQ(event.offset, std::ssize(read.text));
    read.text += event.text;
    ++read.pieces;
  }
  return read;
}

std::string words(int count) {
  std::string text;
  for (int i = 1; i <= count; ++i) text += (i > 1 ? " wörd" : "wörd") + std::to_string(i);
  return text;
}

TEST_F(LocalSchedulerTest, TextIsStreamedWhileAJobRuns) {
  options_.workers[0].launch = worker("step_ms=40,words=60");
  start();
  const auto id = scheduler_->submit(new_job(20)).id;
  Hearing hearing(*scheduler_, id);
  hearing.wait([](const Job& job) { return is_denoising(job) && job.progress.step == 5; });
  const auto so_far = scheduler_->job(id).progress.text;
  EXPECT_GE(so_far.size(), words(10).size());
  EXPECT_TRUE(words(60).starts_with(so_far));
  ASSERT_EQ(scheduler_->recent_jobs({.limit = 1}).size(), 1U);
  EXPECT_EQ(scheduler_->recent_jobs({.limit = 1})[0].progress.text, "");
  hearing.wait_for_end();
  const auto events = hearing.events();
  const auto read = text_of(events);
  EXPECT_EQ(read.text, words(60));
  EXPECT_EQ(read.starts, 1);
  EXPECT_EQ(read.pieces, 60);
  const auto first = std::ranges::find(events, domain::kTextEvent, &JobEvent::type);
  EXPECT_TRUE(std::any_of(first, events.end(),
                          [](const JobEvent& event) { return event.type == "progress"; }));
  EXPECT_EQ(events.back().type, "end");
  EXPECT_EQ(scheduler_->job(id).progress.text, "");
  Hearing late(*scheduler_, id);
  late.wait_for_end();
  EXPECT_EQ(text_of(late.events()).pieces, 0);
}

TEST_F(LocalSchedulerTest, AClientThatReconnectsInTheMiddleGetsTheTextThatItLacks) {
  options_.workers[0].launch = worker("step_ms=40,words=60");
  start();
  const auto id = scheduler_->submit(new_job(20)).id;
  std::vector<JobEvent> seen;
  {
    Hearing first(*scheduler_, id);
    first.wait([](const Job& job) { return is_denoising(job) && job.progress.step == 5; });
    seen = first.events();
  }
  Hearing newcomer(*scheduler_, id);
  newcomer.wait([](const Job& job) { return is_denoising(job) && job.progress.step >= 8; });
  Hearing again(*scheduler_, id, seen.back().id);
  again.wait_for_end();
  newcomer.wait_for_end();
  const auto missed = again.events();
  EXPECT_LT(text_of(seen).pieces + std::ranges::count(missed, domain::kTextEvent, &JobEvent::type),
            60);
  seen.insert(seen.end(), missed.begin(), missed.end());
  EXPECT_EQ(text_of(seen).text, words(60));
  EXPECT_EQ(text_of(seen).starts, 1);
  EXPECT_EQ(text_of(newcomer.events()).text, words(60));
}

TEST_F(LocalSchedulerTest, AJobThatRunsAgainStreamsItsTextFromTheStart) {
  options_.workers[0].launch = worker("step_ms=40,words=60");
  start();
  const auto id = scheduler_->submit(new_job(20)).id;
  Hearing hearing(*scheduler_, id);
  hearing.wait([](const Job& job) { return is_denoising(job) && job.progress.step == 4; });
  ASSERT_EQ(::kill(worker_pid(), SIGKILL), 0);
  hearing.wait([](const Job& job) { return job.state == JobState::kQueued && job.attempt == 1; });
  const auto job = hearing.wait_for_end();
  ASSERT_EQ(job.state, JobState::kSucceeded) << (job.failure ? job.failure->sentence : "");
  EXPECT_EQ(job.attempt, 2);
  const auto events = hearing.events();
  const auto read = text_of(events);
  EXPECT_EQ(read.text, words(60));
  EXPECT_EQ(read.starts, 3);  // the first piece, the empty one at the death, the first piece again
  EXPECT_GT(read.pieces, 62);
  const auto empty = std::ranges::find_if(events, [](const JobEvent& event) {
    return event.type == domain::kTextEvent && event.text.empty();
  });
  EXPECT_NE(empty, events.end());
}

TEST_F(LocalSchedulerTest, AJobIsCancelledInTheMiddleOfItsText) {
  options_.workers[0].launch = worker("step_ms=40,words=600");
  start();
  const auto id = scheduler_->submit(new_job(200)).id;
  Hearing hearing(*scheduler_, id);
  hearing.wait([](const Job& job) { return is_denoising(job) && job.progress.step == 3; });
  EXPECT_NE(scheduler_->job(id).progress.text, "");
  scheduler_->cancel(id);
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kCancelled);
  EXPECT_EQ(hearing.events().back().type, "end");
  EXPECT_EQ(scheduler_->job(id).progress.text, "");
  EXPECT_TRUE(words(600).starts_with(text_of(hearing.events()).text));
  EXPECT_EQ(scheduler_->status().workers[0].restarts, 0);
}

// A worker that answers each `run` with these notifications, and with nothing else.
LaunchChild sending(const std::vector<protocol::TextNotification>& pieces,
                    const std::filesystem::path& folder) {
  protocol::HelloReply hello;
  hello.program = "atelier-worker";
  hello.engine.emplace();
  hello.tasks = {card::generate_task().id};
  hello.cards.emplace_back();
  hello.cards[0].id = hello.cards[0].title = "scripted";
  hello.cards[0].capabilities = {card::generate_task().capability};
  hello.cards[0].tasks = {{card::generate_task().id, card::generate_task().parameters}};
  std::ofstream file(folder / "messages");
  for (const auto& piece : pieces) file << protocol::notification_frame(piece).json << "\n";
  return answering_runs(hello, folder / "messages");
}

TEST_F(LocalSchedulerTest, TextOutOfOrderOrOverTheLimitEndsTheWorker) {
  const std::string half(card::kStreamedTextBytesMax / 2 + 1, 'x');
  const struct {
    std::vector<protocol::TextNotification> pieces;
    std::string sentence;
  } cases[] = {
      {{{kJobOfTheRequest, 0, "one "}, {kJobOfTheRequest, 5, "two"}},
       "malformed message: text of a job at offset 5, expected offset 4"},
      {{{kJobOfTheRequest, 0, "one "}, {kJobOfTheRequest, 0, "one "}},
       "malformed message: text of a job at offset 0, expected offset 4"},
      {{{kJobOfTheRequest, 0, half}, {kJobOfTheRequest, std::ssize(half), half}},
       "malformed message: more than 256 KB of text of one job"},
  };
  for (const auto& [pieces, sentence] : cases) {
    options_.workers[0].launch = sending(pieces, folder_);
    scheduler_.reset();
    start();
    const auto id = scheduler_->submit(new_job()).id;
    Hearing hearing(*scheduler_, id);
    const auto job = hearing.wait_for_end();
    EXPECT_EQ(job.state, JobState::kFailed);
    ASSERT_TRUE(job.failure);
    EXPECT_EQ(job.failure->code, ErrorCode::kWorkerLost);
    EXPECT_THAT(job.failure->sentence, HasSubstr(sentence));
    EXPECT_EQ(job.attempt, 2);
    EXPECT_EQ(text_of(hearing.events()).text, pieces[0].text);
    EXPECT_EQ(text_of(hearing.events()).starts, 3);
  }
}

TEST_F(LocalSchedulerTest, TextOfAJobThatDoesNotRunIsIgnored) {
  options_.workers[0].launch = sending({{"another job", 7, "ignored"},
                                        {kJobOfTheRequest, 0, "one "},
                                        {"another job", 0, "ignored"},
                                        {kJobOfTheRequest, 4, "two"}},
                                       folder_);
  options_.patience.cancel = std::chrono::milliseconds(100);
  start();
  const auto id = scheduler_->submit(new_job()).id;
  Hearing hearing(*scheduler_, id);
  const auto until = std::chrono::steady_clock::now() + kPatience;
  // The board has it a moment before its listeners.
  while (text_of(hearing.events()).text != "one two") {
    ASSERT_LT(std::chrono::steady_clock::now(), until);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(scheduler_->job(id).progress.text, "one two");
  EXPECT_EQ(scheduler_->status().workers[0].restarts, 0);
  scheduler_->cancel(id);
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kCancelled);
}

TEST_F(LocalSchedulerTest, AJobThatKillsTwoWorkersFailsAndTheNextOneRuns) {
  options_.workers[0].launch = worker("step_ms=5,crash_at_step=3");
  start();
  const auto job = run(new_job(4));
  EXPECT_EQ(job.state, JobState::kFailed);
  ASSERT_TRUE(job.failure);
  EXPECT_EQ(job.failure->code, ErrorCode::kWorkerLost);
  EXPECT_THAT(
      job.failure->sentence,
      HasSubstr("was killed by signal 6 (Aborted) while it ran this job (attempt 2 of 2); at "
                "the attempt before, the worker was killed by signal 6 (Aborted) while"));
  EXPECT_EQ(job.attempt, 2);
  EXPECT_EQ(run(new_job(2)).state, JobState::kSucceeded);  // too short to reach the crash
}

TEST_F(LocalSchedulerTest, AQueuedJobIsCancelledAtOnce) {
  options_.workers[0].launch = worker("step_ms=50");
  start();
  const auto first = scheduler_->submit(new_job(200)).id;
  Hearing hearing(*scheduler_, first);
  hearing.wait(is_denoising);
  const auto second = scheduler_->submit(new_job()).id;
  EXPECT_EQ(scheduler_->cancel(second).state, JobState::kCancelled);
  EXPECT_EQ(Hearing(*scheduler_, second).wait_for_end().state, JobState::kCancelled);
  EXPECT_EQ(scheduler_->cancel(second).state, JobState::kCancelled);  // changes nothing
  EXPECT_THROW(scheduler_->cancel("no such job"), Error);
}

TEST_F(LocalSchedulerTest, ARunningJobIsCancelledSoonAndTheWorkerLivesOn) {
  options_.workers[0].launch = worker("step_ms=50");
  start();
  const auto id = scheduler_->submit(new_job(500)).id;
  Hearing hearing(*scheduler_, id);
  hearing.wait(is_denoising);
  const int pid = worker_pid();
  const auto begin = std::chrono::steady_clock::now();
  scheduler_->cancel(id);
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(run(new_job(2)).state, JobState::kSucceeded);
  EXPECT_EQ(worker_pid(), pid);
}

// Decoders that are stopped stand for decoders with a very large picture on a busy machine.
TEST_F(LocalSchedulerTest, ACancellationDoesNotWaitForAPictureThatIsBeingRead) {
  std::mutex mutex;
  std::vector<int> decoders;
  options_.workers[0].launch = worker("step_ms=50");
  options_.launch_decoder = [&, launch = options_.launch_decoder] {
    auto child = launch();
    const std::lock_guard lock(mutex);
    decoders.push_back(child.pid());
    return child;
  };
  start();
  auto ask = new_job();
  ask.attachments["image"] =
      scheduler_->artifact(run(new_job(2)).result.value().artifacts()[0]).bytes;
  ask.input.parameters = ask.input.parameters.with("strength", 0.5);
  const auto first = scheduler_->submit(new_job(500)).id;
  Hearing(*scheduler_, first).wait(is_denoising);
  const auto second = scheduler_->submit(ask).id;
  const auto signal_decoders = [&](int signal) {
    const std::lock_guard lock(mutex);
    for (const int pid : decoders) ::kill(pid, signal);
  };
  signal_decoders(SIGSTOP);
  scheduler_->cancel(first);
  Hearing hearing(*scheduler_, second);
  hearing.wait([](const Job& job) { return job.state == JobState::kRunning; });
  const auto begin = std::chrono::steady_clock::now();
  scheduler_->cancel(second);
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(scheduler_->status().workers[0].restarts, 0);
  signal_decoders(SIGCONT);
  EXPECT_EQ(run(new_job(2)).state, JobState::kSucceeded);
  EXPECT_EQ(scheduler_->status().workers[0].restarts, 0);
  scheduler_.reset();  // it uses what stands here
}

TEST_F(LocalSchedulerTest, AWorkerThatIgnoresACancellationIsKilledAndNothingIsRepeated) {
  options_.workers[0].launch = worker("step_ms=5,hang_at_step=3");
  options_.patience.cancel = std::chrono::milliseconds(500);
  start();
  const auto id = scheduler_->submit(new_job(9)).id;
  Hearing hearing(*scheduler_, id);
  hearing.wait([](const Job& job) { return is_denoising(job) && job.progress.step >= 2; });
  scheduler_->cancel(id);
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kCancelled);
  EXPECT_EQ(run(new_job(2)).state, JobState::kSucceeded);
}

TEST_F(LocalSchedulerTest, AFailureOfTheEngineIsThatOfTheJob) {
  options_.workers[0].launch = worker("step_ms=5,oom_at_step=3");
  start();
  const auto job = run(new_job(4));
  ASSERT_TRUE(job.failure);
  EXPECT_EQ(job.failure->code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(job.attempt, 1);
}

TEST_F(LocalSchedulerTest, AFailureOfTheWorkerKeepsTheFieldThatItIsAbout) {
  start();
  auto ask = new_job(2);
  ask.attachments["image"] =
      scheduler_->artifact(run(new_job(2)).result.value().artifacts()[0]).bytes;
  // The engine alone knows the number of steps that it takes by default.
  ask.input.parameters = ask.input.parameters.with("steps", nullptr).with("strength", 0.01);
  const auto job = run(ask);
  ASSERT_TRUE(job.failure);
  EXPECT_EQ(job.failure->code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(job.failure->field, "strength");
  EXPECT_EQ(jobs_.find(job.id)->failure->field, "strength");
}

TEST_F(LocalSchedulerTest, AFullQueueRefusesWithTheTextThatClientsExpect) {
  options_.workers[0].launch = worker("step_ms=100");
  options_.queue_max.fill(2);
  start();
  const auto running = scheduler_->submit(new_job(500)).id;
  Hearing(*scheduler_, running).wait(is_denoising);
  scheduler_->submit(new_job());
  scheduler_->submit(new_job());
  const auto full = refusal(new_job());
  EXPECT_EQ(full.code(), ErrorCode::kQueueFull);
  EXPECT_THAT(full.what(), HasSubstr("Queue is full"));
  auto urgent = new_job();
  urgent.priority = 3;
  EXPECT_NO_THROW(scheduler_->submit(urgent));
}

TEST_F(LocalSchedulerTest, HigherPriorityRunsFirst) {
  options_.workers[0].launch = worker("step_ms=30");
  start();
  const auto first = scheduler_->submit(new_job(20)).id;
  Hearing(*scheduler_, first).wait(is_denoising);
  auto patient = new_job();
  patient.priority = 0;
  const auto late = scheduler_->submit(patient).id;
  const auto soon = scheduler_->submit(new_job()).id;
  Hearing hearing(*scheduler_, late);
  const auto last = hearing.wait_for_end();
  // The next job starts while the pictures of the last one are still being saved.
  EXPECT_LE(scheduler_->job(soon).started_ms, last.started_ms);
}

TEST_F(LocalSchedulerTest, WhatRunsAndWhatWaitsSurvivesAnyNumberOfOrderlyStops) {
  options_.workers[0].launch = worker("step_ms=50");
  start();
  const auto running = scheduler_->submit(new_job(30)).id;
  Hearing(*scheduler_, running).wait(is_denoising);
  const auto waiting = scheduler_->submit(new_job()).id;
  for (int stop = 0; stop < 3; ++stop) {
    scheduler_.reset();
    EXPECT_EQ(jobs_.find(running)->state, JobState::kQueued);
    EXPECT_EQ(jobs_.find(running)->attempt, 0);
    EXPECT_THAT(jobs_.find(running)->reason, HasSubstr("the station was stopped"));
    start();
    Hearing(*scheduler_, running).wait(is_denoising);
  }
  EXPECT_EQ(Hearing(*scheduler_, waiting).wait_for_end().state, JobState::kSucceeded);
  const auto repeated = Hearing(*scheduler_, running).wait_for_end();
  EXPECT_EQ(repeated.state, JobState::kSucceeded);
  EXPECT_EQ(repeated.attempt, 1);
  scheduler_.reset();
  start();  // a third start: ended jobs stay ended, and their last event is sent
  EXPECT_EQ(Hearing(*scheduler_, running).wait_for_end().state, JobState::kSucceeded);
}

TEST_F(LocalSchedulerTest, AJobThatRanAtThreeCrashesOfTheStationIsHeld) {
  options_.workers[0].launch = worker("hello_ms=10000");  // nothing starts meanwhile
  Job job;
  job.id = "01";
  job.input = new_job().input;
  job.input.parameters = job.input.parameters.with_text("model", "fake");
  jobs_.insert(job);
  for (int crash = 1; crash <= 2; ++crash) {
    jobs_.leave_running(job.id, options_.node);
    start();
    scheduler_.reset();
    EXPECT_EQ(jobs_.find(job.id)->station_crashes, crash);
    EXPECT_EQ(jobs_.find(job.id)->state, JobState::kQueued);
    EXPECT_EQ(jobs_.find(job.id)->attempt, 0);
  }
  jobs_.leave_running(job.id, options_.node);
  start();
  const auto held = scheduler_->job(job.id);
  ASSERT_EQ(held.state, JobState::kFailed);
  EXPECT_THAT(held.failure->sentence, HasSubstr("3 times"));
  EXPECT_EQ(Hearing(*scheduler_, job.id).wait_for_end().state, JobState::kFailed);
}

bool is_unwritten(const Job& job) {
  return job.state == JobState::kRunning &&
         job.reason.find("cannot be stored yet") != std::string::npos;
}

TEST_F(LocalSchedulerTest, AnEndThatCannotBeStoredIsReportedOnceAndWrittenAgain) {
  options_.workers[0].launch = worker("step_ms=20");
  start();
  const auto id = scheduler_->submit(new_job(20)).id;
  Hearing hearing(*scheduler_, id);
  hearing.wait(is_denoising);
  jobs_.disk_full = true;
  const auto unwritten = hearing.wait(is_unwritten);
  EXPECT_FALSE(unwritten.result);
  EXPECT_THAT(unwritten.reason, HasSubstr("free some space"));
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));  // tried again meanwhile, and again
  EXPECT_EQ(jobs_.find(id)->state, JobState::kRunning);
  EXPECT_EQ(scheduler_->job(id).state, JobState::kRunning);
  EXPECT_EQ(scheduler_->status().running, 1);
  EXPECT_THAT(scheduler_->status().notices, testing::Contains(HasSubstr("cannot be stored")));
  scheduler_->cancel(id);  // it has ended: nothing to cancel
  jobs_.disk_full = false;
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kSucceeded);
  EXPECT_EQ(jobs_.find(id)->state, JobState::kSucceeded);
  const auto events = hearing.events();
  EXPECT_EQ(
      std::ranges::count_if(events, [](const JobEvent& event) { return is_unwritten(event.job); }),
      1);
  EXPECT_EQ(jobs_.find(id)->last_event, events.back().id);
  EXPECT_EQ(run(new_job(2)).state, JobState::kSucceeded);
  EXPECT_TRUE(scheduler_->status().notices.empty());
  scheduler_.reset();
  start();
  EXPECT_EQ(scheduler_->job(id).attempt, 1);
}

TEST_F(LocalSchedulerTest, ACancellationThatCannotBeStoredIsRepeated) {
  options_.workers[0].launch = worker("step_ms=20");
  start();
  const auto id = scheduler_->submit(new_job(500)).id;
  Hearing hearing(*scheduler_, id);
  hearing.wait(is_denoising);
  jobs_.disk_full = true;
  EXPECT_EQ(scheduler_->cancel(id).state, JobState::kRunning);
  hearing.wait(is_unwritten);
  jobs_.disk_full = false;
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kCancelled);
  scheduler_.reset();
  start();
  EXPECT_EQ(Hearing(*scheduler_, id).wait_for_end().state, JobState::kCancelled);
}

TEST_F(LocalSchedulerTest, AJobWhoseWorkerEndsOnAFullDiskRunsAgainOnceThereIsSpace) {
  options_.workers[0].launch = worker("step_ms=20");
  start();
  const auto id = scheduler_->submit(new_job(100)).id;
  Hearing hearing(*scheduler_, id);
  hearing.wait(is_denoising);
  jobs_.disk_full = true;
  ASSERT_EQ(::kill(worker_pid(), SIGKILL), 0);
  hearing.wait(is_unwritten);
  EXPECT_EQ(jobs_.find(id)->state, JobState::kRunning);
  jobs_.disk_full = false;
  const auto job = hearing.wait_for_end();
  EXPECT_EQ(job.state, JobState::kSucceeded);
  EXPECT_EQ(job.attempt, 2);
}

TEST_F(LocalSchedulerTest, AJobThatWaitsToGoBackToTheQueueCanBeCancelled) {
  options_.workers[0].launch = worker("step_ms=20");
  start();
  const auto id = scheduler_->submit(new_job(500)).id;
  Hearing hearing(*scheduler_, id);
  hearing.wait(is_denoising);
  jobs_.disk_full = true;
  ASSERT_EQ(::kill(worker_pid(), SIGKILL), 0);
  hearing.wait(is_unwritten);
  scheduler_->cancel(id);
  jobs_.disk_full = false;
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kCancelled);
}

TEST_F(LocalSchedulerTest, AnEndThatAStopFindsUnwrittenIsTriedALastTime) {
  options_.workers[0].launch = worker("step_ms=20");
  start();
  const auto id = scheduler_->submit(new_job(20)).id;
  {
    Hearing hearing(*scheduler_, id);
    hearing.wait(is_denoising);
    jobs_.disk_full = true;
    hearing.wait(is_unwritten);
  }
  jobs_.disk_full = false;
  scheduler_.reset();
  EXPECT_NE(jobs_.find(id)->state, JobState::kRunning);
}

TEST_F(LocalSchedulerTest, OnAFullDiskNothingIsAcceptedOrStartedAndTheQueueGoesOnAfterwards) {
  options_.workers[0].launch = worker("step_ms=20");
  start();
  const auto first = scheduler_->submit(new_job(30)).id;
  const auto second = scheduler_->submit(new_job(2)).id;
  Hearing hearing(*scheduler_, first);
  Hearing waiting(*scheduler_, second);
  hearing.wait(is_denoising);
  jobs_.disk_full = true;
  const auto refused = refusal(new_job());
  EXPECT_EQ(refused.code(), ErrorCode::kInternal);
  EXPECT_THAT(refused.what(), HasSubstr("free some space"));
  EXPECT_THROW(scheduler_->cancel(second), Error);  // it cannot be stored
  hearing.wait(is_unwritten);
  EXPECT_EQ(scheduler_->job(second).state, JobState::kQueued);
  jobs_.disk_full = false;
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kSucceeded);
  EXPECT_EQ(waiting.wait_for_end().state, JobState::kSucceeded);
  EXPECT_EQ(scheduler_->recent_jobs({.limit = 10}).size(), 2U);
}

TEST_F(LocalSchedulerTest, AFullQueueRefusesBeforeAPictureIsKept) {
  options_.workers[0].launch = worker("step_ms=100");
  options_.queue_max.fill(1);
  start();
  auto ask = new_job();
  ask.attachments["image"] =
      scheduler_->artifact(run(new_job(2)).result.value().artifacts()[0]).bytes;
  ask.input.parameters = ask.input.parameters.with("strength", 0.5);
  const auto running = scheduler_->submit(new_job(500)).id;
  Hearing(*scheduler_, running).wait(is_denoising);
  scheduler_->submit(new_job());
  for (int i = 0; i < 30; ++i) EXPECT_EQ(refusal(ask).code(), ErrorCode::kQueueFull);
  EXPECT_EQ(artifacts_.uploads(), 0);
  ask.priority = 3;
  EXPECT_NO_THROW(scheduler_->submit(ask));
  EXPECT_EQ(artifacts_.uploads(), 1);
}

TEST_F(LocalSchedulerTest, APictureThatTheStoreLostIsAnInternalError) {
  options_.workers[0].launch = worker("step_ms=20");
  start();
  auto ask = new_job(2);
  ask.attachments["image"] =
      scheduler_->artifact(run(new_job(2)).result.value().artifacts()[0]).bytes;
  ask.input.parameters = ask.input.parameters.with("strength", 0.9);
  const auto running = scheduler_->submit(new_job(50)).id;
  Hearing(*scheduler_, running).wait(is_denoising);
  const auto id = scheduler_->submit(ask).id;
  artifacts_.lose_everything();
  const auto job = Hearing(*scheduler_, id).wait_for_end();
  ASSERT_TRUE(job.failure);
  EXPECT_EQ(job.failure->code, ErrorCode::kInternal);
  EXPECT_THAT(job.failure->sentence, HasSubstr("send the job again"));
}

TEST_F(LocalSchedulerTest, ManyAtOnceGetExactlyThePlacesThatThereAre) {
  options_.workers[0].launch = worker("step_ms=100");
  options_.queue_max.fill(5);
  start();
  const auto running = scheduler_->submit(new_job(500)).id;
  Hearing(*scheduler_, running).wait(is_denoising);
  std::atomic<int> accepted = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 12; ++i) {
    clients.emplace_back([&] {
      try {
        scheduler_->submit(new_job());
        ++accepted;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kQueueFull);
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(accepted, 5);
}

TEST_F(LocalSchedulerTest, AClockThatIsSetBackChangesNeitherOrderNorDurations) {
  std::atomic<std::int64_t> shift = 0;
  options_.now_ms = [&shift] { return unix_ms() + shift; };
  options_.workers[0].launch = worker("step_ms=20");
  start();
  const auto first = scheduler_->submit(new_job(10)).id;
  Hearing hearing(*scheduler_, first);
  hearing.wait(is_denoising);
  shift = -3'600'000;
  const auto ended = hearing.wait_for_end();
  EXPECT_GE(ended.finished_ms - ended.started_ms, 100);
  EXPECT_LT(ended.finished_ms - ended.started_ms, 600'000);
  const auto second = scheduler_->submit(new_job(2)).id;
  Hearing next(*scheduler_, second);
  next.wait_for_end();
  EXPECT_GT(next.events().front().id, hearing.events().back().id);
  scheduler_.reset();
  shift = -7'200'000;
  start();
  const auto third = scheduler_->submit(new_job(2)).id;
  Hearing last(*scheduler_, third);
  last.wait_for_end();
  EXPECT_GT(last.events().front().id, next.events().back().id);
  std::vector<std::string> order;
  for (const auto& job : scheduler_->recent_jobs({.limit = 10})) order.push_back(job.id);
  EXPECT_THAT(order, testing::ElementsAre(third, second, first));
  scheduler_.reset();  // it uses what stands here
}

TEST_F(LocalSchedulerTest, RefusesWhatCannotRunBeforeItIsWritten) {
  start();
  auto absurd = new_job();
  absurd.input.parameters = absurd.input.parameters.with("width", 63);
  EXPECT_EQ(refusal(absurd).code(), ErrorCode::kInvalidArgument);
  auto unknown = new_job();
  unknown.input.parameters = unknown.input.parameters.with_text("model", "gpt-4o");
  EXPECT_EQ(refusal(unknown).code(), ErrorCode::kNotFound);
  auto vision = new_job();
  vision.input.parameters = vision.input.parameters.with_text("model", "moondream-2");
  EXPECT_THROW(scheduler_->submit(vision), Error);
  auto garbage = new_job();
  garbage.attachments["image"] = {1, 2, 3, 4};
  EXPECT_EQ(refusal(garbage).code(), ErrorCode::kCorruptData);
  EXPECT_TRUE(scheduler_->recent_jobs({.limit = 10}).empty());
}

TEST_F(LocalSchedulerTest, ALegacyNameRunsTheInstalledModelWithAWarning) {
  start();
  auto legacy = new_job();
  legacy.input.parameters = legacy.input.parameters.with_text("model", "sdxl-realism");
  const auto job = run(legacy);
  ASSERT_TRUE(job.result);
  EXPECT_THAT(job.result->used.warnings(), testing::Contains(HasSubstr("sdxl-realism")));
}

TEST_F(LocalSchedulerTest, ADecoderThatEndsFailsThatPictureAlone) {
  options_.launch_decoder =
      launcher(program("ATELIER_MEDIA"), {}, {{"ATELIER_MEDIA_TEST_CRASH", "CRASHME"}});
  start();
  const auto made = run(new_job());
  ASSERT_TRUE(made.result);
  const auto good = scheduler_->artifact(made.result->artifacts()[0]).bytes;
  auto deadly = new_job();
  deadly.attachments["image"] = {'C', 'R', 'A', 'S', 'H', 'M', 'E', '!'};
  const auto death = refusal(deadly);
  EXPECT_EQ(death.code(), ErrorCode::kCorruptData);
  EXPECT_THAT(death.what(), HasSubstr("the decoder"));
  auto fine = new_job();
  fine.attachments["image"] = good;
  fine.input.parameters = fine.input.parameters.with("strength", 0.5);
  EXPECT_EQ(run(fine).state, JobState::kSucceeded);
}

TEST_F(LocalSchedulerTest, TheStatusNamesTheDecodersMeasures) {
  start();
  EXPECT_TRUE(scheduler_->status().decoders.empty());
  EXPECT_EQ(run(new_job(2)).state, JobState::kSucceeded);
  const auto decoders = scheduler_->status().decoders;
  ASSERT_FALSE(decoders.empty());
  EXPECT_EQ(decoders[0].state, "ready");
  EXPECT_GT(decoders[0].pid, 0);
  EXPECT_THAT(decoders[0].sandbox, testing::Contains("seccomp"));
  ::kill(decoders[0].pid, SIGKILL);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (scheduler_->status().decoders[0].state != "lost" &&
         std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(scheduler_->status().decoders[0].state, "lost");
}

TEST_F(LocalSchedulerTest, APictureIsReadByASecondDecoderWhenTheFirstWasKilled) {
  start();
  const auto made = run(new_job());
  ASSERT_TRUE(made.result);
  auto ask = new_job();
  ask.attachments["image"] = scheduler_->artifact(made.result->artifacts()[0]).bytes;
  ask.input.parameters = ask.input.parameters.with("strength", 0.5);
  scheduler_.reset();
  const auto sound = options_.launch_decoder;
  const auto deadly =
      launcher(program("ATELIER_MEDIA"), {}, {{"ATELIER_MEDIA_TEST_CRASH", "IHDR"}});
  const auto launched = std::make_shared<std::atomic<int>>(0);
  options_.launch_decoder = [=] { return (*launched)++ == 0 ? deadly() : sound(); };
  start();
  EXPECT_EQ(run(ask).state, JobState::kSucceeded);
  EXPECT_GE(*launched, 2);
}

TEST_F(LocalSchedulerTest, WhatCannotHaveAnEffectIsAWarningOfTheJob) {
  start();
  auto ask = new_job();
  ask.input.parameters = ask.input.parameters.with("strength", 0.5);
  ask.input.warnings = {"unknown field 'stepz' was ignored"};
  const auto job = run(ask);
  EXPECT_EQ(job.input.warnings.size(), 2U);
  ASSERT_TRUE(job.result);
  EXPECT_THAT(job.result->used.warnings(), testing::Contains(HasSubstr("strength was ignored")));
}

TEST_F(LocalSchedulerTest, ARefreshIsAnsweredAfterTheScan) {
  options_.folders.layouts = {folder_.string()};
  start();
  const auto ids = [](const ModelList& list) {
    std::vector<std::string> result;
    for (const auto& model : *list.models) result.push_back(model.card.id);
    return result;
  };
  EXPECT_THAT(ids(refresh(kPatience)), testing::Not(testing::Contains("checkpoint/new")));
  std::filesystem::create_directories(folder_ / "checkpoints");
  std::ofstream(folder_ / "checkpoints" / "new.safetensors") << "x";
  const auto list = refresh(kPatience);
  EXPECT_EQ(list.reason, "");
  EXPECT_THAT(ids(list), testing::Contains("checkpoint/new"));
  EXPECT_NE(refresh(std::chrono::milliseconds(0)).reason, "");
}

#ifdef __SANITIZE_THREAD__
constexpr std::chrono::seconds kSettledAfter{6};  // a look takes seconds there on a busy machine
#else
constexpr std::chrono::seconds kSettledAfter{2};
#endif

TEST_F(LocalSchedulerTest, TheListFollowsFilesThatAreWrittenOrReplaced) {
  const auto file = folder_ / "checkpoints" / "mine.safetensors";
  std::filesystem::create_directories(file.parent_path());
  options_.folders.layouts = {folder_.string()};
  options_.folders.settled_after = kSettledAfter;
  start();
  const auto size = [&] {
    const auto installed = scheduler_->models().models;
    for (const auto& model : *installed) {
      if (model.card.id == "checkpoint/mine") return model.size_bytes;
    }
    return std::int64_t{-1};
  };
  const auto becomes = [&](std::int64_t wanted) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (size() != wanted && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return size() == wanted;
  };
  std::ofstream(file) << "x";
  refresh(kPatience);
  EXPECT_EQ(size(), 1);
  // It was being written when it was found: it is inspected again automatically.
  std::ofstream(file) << "xyz";
  EXPECT_TRUE(becomes(3));
  // Complete for a while, then replaced by another file: the next job detects it.
  std::this_thread::sleep_for(kSettledAfter * 2 + std::chrono::seconds(1));
  std::ofstream(file) << "12345";
  std::this_thread::sleep_for(std::chrono::seconds(1));
  EXPECT_EQ(size(), 3);
  auto asked = new_job();
  asked.input.parameters = asked.input.parameters.with_text("model", "checkpoint/mine");
  EXPECT_EQ(run(asked).state, JobState::kSucceeded);
  EXPECT_TRUE(becomes(5));
}

TEST_F(LocalSchedulerTest, AMissingEngineIsASentence) {
  options_.workers[0].launch =
      launcher(program("ATELIER_WORKER"), {"--engine", "/nowhere/libatelier-engine-x.so"});
  start();
  const auto missing = refusal(new_job());
  EXPECT_EQ(missing.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(missing.what(), HasSubstr("no job can run"));
  EXPECT_EQ(scheduler_->models().reason, missing.what());
}

TEST_F(LocalSchedulerTest, AnEmptyListOfModelsHasTheReason) {
  options_.workers[0].launch = worker("hello_ms=1500");
  start();
  auto early = scheduler_->models();
  EXPECT_TRUE(early.models->empty());
  EXPECT_THAT(early.reason, HasSubstr("the worker has not started yet"));
  // A start that goes well shows no problem on its way.
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!early.reason.empty() && std::chrono::steady_clock::now() < until) {
    EXPECT_EQ(scheduler_->status().workers[0].problem, "");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    early = scheduler_->models();
  }
  EXPECT_EQ(early.reason, "");
  EXPECT_FALSE(early.models->empty());
}

TEST_F(LocalSchedulerTest, AWorkerThatNeverStartsIsASentence) {
  options_.workers[0].launch = launcher("/bin/false", {});
  start();
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (scheduler_->status().workers[0].restarts < 2 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_GE(scheduler_->status().workers[0].restarts, 2);
  EXPECT_NE(scheduler_->status().workers[0].problem, "");
}

TEST_F(LocalSchedulerTest, FindsModelsAndKeepsTheProblemOfEach) {
  std::filesystem::create_directories(folder_ / "checkpoints");
  std::ofstream(folder_ / "checkpoints" / "mine.safetensors") << "weights";
  options_.folders.layouts = {folder_.string()};
  start();
  scheduler_->wait_for_models();
  const auto list = scheduler_->models();
  EXPECT_EQ(list.reason, "");
  const auto mine = std::ranges::find(*list.models, "checkpoint/mine",
                                      [](const auto& model) { return model.card.id; });
  ASSERT_NE(mine, list.models->end());
  EXPECT_EQ(mine->size_bytes, 7);
  EXPECT_EQ(mine->source, "models");
}

TEST_F(LocalSchedulerTest, NoThreadWaitsForModelsOrDecoders) {
  std::mutex mutex;
  std::vector<int> decoders;
  bool asleep = false;  // those that are started meanwhile as well
  options_.workers[0].launch = worker("hello_ms=1500,step_ms=1");
  options_.launch_decoder = [&, launch = options_.launch_decoder] {
    auto child = launch();
    const std::lock_guard lock(mutex);
    decoders.push_back(child.pid());
    if (asleep) ::kill(child.pid(), SIGSTOP);
    return child;
  };
  start();
  std::promise<void> known;
  scheduler_->when_models_known([&] { known.set_value(); });
  EXPECT_THROW(scheduler_->resolve_model("", "generate", domain::UnknownModel::kRefuse),
               Error);  // it does not wait
  known.get_future().wait();
  auto ask = new_job();
  ask.attachments["image"] =
      scheduler_->artifact(run(new_job(2)).result.value().artifacts()[0]).bytes;
  ask.input.parameters = ask.input.parameters.with("strength", 0.5);
  const auto signal_decoders = [&](int signal) {
    const std::lock_guard lock(mutex);
    asleep = signal == SIGSTOP;
    for (const int pid : decoders) ::kill(pid, signal);
  };
  signal_decoders(SIGSTOP);
  std::promise<Accepted> accepted;
  scheduler_->submit(ask, [&](Accepted it) { accepted.set_value(std::move(it)); });
  auto outcome = accepted.get_future();
  EXPECT_EQ(outcome.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
  signal_decoders(SIGCONT);
  EXPECT_TRUE(std::holds_alternative<Job>(outcome.get()));
  scheduler_.reset();  // it uses what stands here
}

TEST_F(LocalSchedulerTest, AStopIsNotDelayedByCallsThatWaitForModels) {
  options_.workers[0].launch = launcher("/bin/sleep", {"100"});  // never sends its hello
  start();
  std::thread stopping([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    scheduler_->stop_waiting();
  });
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(refusal(new_job()).code(), ErrorCode::kUnsupported);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(10));
  stopping.join();
}

// A picture that is more than a socket keeps.
std::vector<std::uint8_t> large_picture() {
  const int side = 1024;
  media::Image image{side, side, 3, {}};
  image.pixels.assign(image.byte_count(), 99);
  return Decoder(launcher(program("ATELIER_MEDIA"), {})).encode(image, "png", {}).bytes;
}

TEST_F(LocalSchedulerTest, AWorkerThatReadsNothingDelaysNoCall) {
  options_.patience.cancel = std::chrono::milliseconds(500);
  // On a busy machine the picture is not being sent yet when its job is cancelled: then the timeout
  // ends the worker, and no attempt counts.
  options_.patience.silence = std::chrono::seconds(5);
  start();
  ASSERT_EQ(run(new_job()).state, JobState::kSucceeded);
  ASSERT_EQ(::kill(worker_pid(), SIGSTOP), 0);
  auto ask = new_job();
  ask.attachments["image"] = large_picture();
  ask.input.parameters = ask.input.parameters.with("strength", 0.5);
  const auto id = scheduler_->submit(ask).id;
  Hearing hearing(*scheduler_, id);
  hearing.wait([](const Job& job) { return job.state == JobState::kRunning; });
  const auto second = scheduler_->submit(new_job()).id;
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // until its picture is being sent
  scheduler_->cancel(id);
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kCancelled);
  const auto next = Hearing(*scheduler_, second).wait_for_end();
  EXPECT_EQ(next.state, JobState::kSucceeded);
  EXPECT_EQ(next.attempt, 1);
}

TEST_F(LocalSchedulerTest, AWorkerThatHangsIsReplacedAndOnlyTheJobThatItRanIsCharged) {
  options_.workers[0].launch = worker("step_ms=40");
  options_.patience.silence = std::chrono::seconds(5);
  start();
  const auto running = scheduler_->submit(new_job(20)).id;
  Hearing(*scheduler_, running).wait(is_denoising);
  ASSERT_EQ(::kill(worker_pid(), SIGSTOP), 0);
  const auto again = Hearing(*scheduler_, running).wait_for_end();
  EXPECT_EQ(again.state, JobState::kSucceeded) << (again.failure ? again.failure->sentence : "");
  EXPECT_EQ(again.attempt, 2);
  EXPECT_THAT(again.reason,
              HasSubstr("it sent nothing for 5 s: its process was stopped by a signal (SIGSTOP)"));

  ASSERT_EQ(::kill(worker_pid(), SIGSTOP), 0);  // it has nothing to do now
  const auto waiting = run(new_job());
  EXPECT_EQ(waiting.state, JobState::kSucceeded);
  EXPECT_EQ(waiting.attempt, 1);
}

TEST_F(LocalSchedulerTest, AStopIsNotDelayedByChildrenThatHang) {
  std::mutex mutex;
  std::vector<int> decoders;
  options_.launch_decoder = [&, launch = options_.launch_decoder] {
    auto child = launch();
    const std::lock_guard lock(mutex);
    decoders.push_back(child.pid());
    return child;
  };
  options_.workers[0].launch = worker("step_ms=50");
  start();
  const auto picture = large_picture();
  auto ask = new_job();
  ask.attachments["image"] = picture;
  ask.input.parameters = ask.input.parameters.with("strength", 0.5);
  for (int i = 0; i < 3; ++i) run(ask);  // both decoders have something to do now and then
  const auto running = scheduler_->submit(new_job(500)).id;
  Hearing(*scheduler_, running).wait(is_denoising);
  ASSERT_EQ(::kill(worker_pid(), SIGSTOP), 0);
  {
    const std::lock_guard lock(mutex);
    for (const int pid : decoders) ::kill(pid, SIGSTOP);
  }
  std::thread caller([&] { EXPECT_THROW(scheduler_->submit(ask), Error); });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const auto begin = std::chrono::steady_clock::now();
  scheduler_->stop_waiting();
  caller.join();
  scheduler_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  EXPECT_EQ(jobs_.find(running)->state, JobState::kQueued);
  EXPECT_EQ(jobs_.find(running)->attempt, 0);
}

TEST_F(LocalSchedulerTest, AFileThatEndsTheWorkerIsNamedAndNoWaitingJobIsCharged) {
  options_.workers[0].launch = worker("step_ms=5,deadly_files=1");
  options_.folders.layouts = {folder_.string()};
  start();
  ASSERT_EQ(run(new_job()).state, JobState::kSucceeded);
  std::filesystem::create_directories(folder_ / "checkpoints");
  for (const char* name : {"deadly", "good", "very-deadly"}) {
    std::ofstream(folder_ / "checkpoints" / (std::string(name) + ".safetensors")) << "x";
  }
  std::thread looking([this] { refresh(kPatience); });
  std::vector<std::string> ids;
  for (int i = 0; i < 8; ++i) {
    ids.push_back(scheduler_->submit(new_job()).id);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  for (const auto& id : ids) {
    const auto job = Hearing(*scheduler_, id).wait_for_end();
    EXPECT_EQ(job.state, JobState::kSucceeded) << (job.failure ? job.failure->sentence : "");
    EXPECT_EQ(job.attempt, 1) << job.reason;
  }
  looking.join();
  std::map<std::string, std::string> problems;
  const auto installed = scheduler_->models().models;
  for (const auto& model : *installed) problems[model.card.id] = model.problem;
  EXPECT_EQ(problems.at("checkpoint/good"), "");
  EXPECT_THAT(problems.at("checkpoint/deadly"), HasSubstr("while it read the file"));
  EXPECT_THAT(problems.at("checkpoint/very-deadly"), HasSubstr("while it read the file"));
  EXPECT_EQ(scheduler_->status().workers[0].restarts, 4);  // two for each of them
}

TEST_F(LocalSchedulerTest, AFileWhoseNameIsNotUtf8IsAModelLikeAnyOther) {
  std::filesystem::create_directories(folder_ / "checkpoints");
  std::ofstream(folder_ / "checkpoints" / "b\xE4r.safetensors") << "x";
  options_.folders.layouts = {folder_.string()};
  start();
  auto ask = new_job();
  ask.input.parameters = ask.input.parameters.with_text("model", "checkpoint/b%E4r");
  const auto job = run(ask);
  EXPECT_EQ(job.state, JobState::kSucceeded) << (job.failure ? job.failure->sentence : "");
  EXPECT_EQ(scheduler_->status().workers[0].restarts, 0);
}

TEST_F(LocalSchedulerTest, ADeviceThatFailsIsAnAttemptOfTheJob) {
  options_.workers[0].launch = worker("step_ms=5,poison_at_step=3");
  start();
  const auto job = run(new_job(4));
  ASSERT_TRUE(job.failure);
  EXPECT_EQ(job.failure->code, ErrorCode::kWorkerLost);
  EXPECT_EQ(job.attempt, 2);
  EXPECT_EQ(run(new_job(2)).state, JobState::kSucceeded);
}

TEST_F(LocalSchedulerTest, AnEngineThatHangsIsAnAttemptOfTheJob) {
  options_.workers[0].launch = worker("step_ms=5,hang_at_step=3");
  options_.patience.job = options_.patience.measured_job = std::chrono::milliseconds(1500);
  start();
  const auto job = run(new_job(9));
  ASSERT_TRUE(job.failure);
  EXPECT_EQ(job.failure->code, ErrorCode::kWorkerLost);
  EXPECT_THAT(job.failure->sentence,
              AllOf(HasSubstr("made no progress with job"), HasSubstr("in stage 'denoise'")));
  EXPECT_EQ(job.attempt, 2);
  EXPECT_EQ(run(new_job(2)).state, JobState::kSucceeded);
}

TEST_F(LocalSchedulerTest, AHangIsDetectedSoonerWhereTheTimeOfTheStageWasMeasured) {
  options_.workers[0].launch = worker("step_ms=5,hang_at_step=4");
  options_.patience.measured_job = std::chrono::milliseconds(500);
  start();
  ASSERT_EQ(run(new_job(3)).state, JobState::kSucceeded);
  const auto job = run(new_job(9));  // half an hour would pass without the measured time
  ASSERT_TRUE(job.failure);
  EXPECT_THAT(job.failure->sentence,
              AllOf(HasSubstr("made no progress with job"), HasSubstr("the slowest measured time"),
                    HasSubstr("; at the attempt before, the worker was ended "
                              "because it made no progress")));
  EXPECT_EQ(job.attempt, 2);
  EXPECT_EQ(run(new_job(3)).state, JobState::kSucceeded);
}

TEST_F(LocalSchedulerTest, ManyJobsThatEndTheirWorkerDoNotDelayTheNextOne) {
  options_.workers[0].launch = worker("step_ms=1,poison_at_step=3");
  start();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(run(new_job(4)).state, JobState::kFailed);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(run(new_job(2)).state, JobState::kSucceeded);
  // A delay that had grown with each of the 20 ends would be 30 s.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, domain::limits::kRestartDelayMax / 2);
  EXPECT_EQ(scheduler_->status().workers[0].restarts, 20);
}

Unloaded unloaded(Scheduler& scheduler) {
  std::promise<Unloaded> answer;
  scheduler.unload_models(std::chrono::seconds{20},
                          [&answer](Unloaded unloaded) { answer.set_value(unloaded); });
  return answer.get_future().get();
}

TEST_F(LocalSchedulerTest, AnIdleWorkerIsUnloadedAtOnce) {
  auto& scheduler = start();
  ASSERT_EQ(run(new_job()).state, JobState::kSucceeded);
  EXPECT_EQ(unloaded(scheduler), Unloaded::kNow);
  EXPECT_TRUE(scheduler.status().workers.front().loaded_models.empty());
  EXPECT_EQ(scheduler.status().jobs_ended, 1);
  ASSERT_EQ(run(new_job()).state, JobState::kSucceeded);  // and loads again what it needs
}

TEST_F(LocalSchedulerTest, ABusyWorkerIsUnloadedOnceAfterItsJobForAnyNumberOfRequests) {
  options_.workers[0].launch = worker("step_ms=20");
  auto& scheduler = start();
  Hearing hearing(scheduler, scheduler_->submit(new_job(60)).id);
  hearing.wait(is_denoising);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(unloaded(scheduler), Unloaded::kAfterJob);
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kSucceeded);
  EXPECT_EQ(unloaded(scheduler), Unloaded::kNow);
  EXPECT_TRUE(scheduler.status().workers.front().loaded_models.empty());
}

TEST_F(LocalSchedulerTest, NothingIsLoadedWhereNoWorkerIs) {
  options_.workers[0].launch = launcher("/no/such/program", {});
  auto& scheduler = start();
  EXPECT_EQ(unloaded(scheduler), Unloaded::kNow);
}

TEST_F(LocalSchedulerTest, AnUnknownModelIsTheDefaultForClientsThatAcceptAny) {
  start();
  ASSERT_EQ(run(new_job()).state, JobState::kSucceeded);
  const auto resolved =
      scheduler_->resolve_model("flux-dev", "generate", domain::UnknownModel::kDefault);
  EXPECT_EQ(resolved.model.card.id, "fake");
  EXPECT_NE(resolved.warning, "");
  EXPECT_THROW(scheduler_->resolve_model("flux-dev", "generate", domain::UnknownModel::kRefuse),
               Error);
  options_.unknown_models = domain::UnknownModel::kRefuse;
  scheduler_.reset();
  start();
  ASSERT_EQ(run(new_job()).state, JobState::kSucceeded);
  EXPECT_THROW(scheduler_->resolve_model("flux-dev", "generate", domain::UnknownModel::kDefault),
               Error);
}

bool is_enlarging(const Job& job) { return job.progress.part.starts_with("Enlarge"); }
bool is_refining(const Job& job) {
  return job.progress.part == "Refine (2 of 2)" && is_denoising(job);
}

class CompositeJobs : public LocalSchedulerTest {
 protected:
  // The station runs.
  NewJob enhancement(int steps, int side = 64) {
    auto source = new_job(1);
    source.input.parameters =
        source.input.parameters.with("width", side).with("height", side).with("steps", 1);
    NewJob job;
    job.client = "test";
    card::EnhanceInput input;
    input.prompt = "a red circle";
    input.strength = 0.5;
    input.steps = steps;
    job.input.parameters = card::TaskInput::of(card::enhance_task(), input);
    job.attachments["image"] =
        scheduler_->artifact(run(source).result.value().artifacts().at(0)).bytes;
    return job;
  }
  static bool any(const std::vector<JobEvent>& events,
                  const std::function<bool(const Job&)>& fits) {
    return std::ranges::any_of(events, [&](const JobEvent& event) { return fits(event.job); });
  }
};

TEST_F(CompositeJobs, RunTheirStepsInOrderAndKeepTheLastPictureAlone) {
  start();
  const auto id = scheduler_->submit(enhancement(8)).id;
  Hearing hearing(*scheduler_, id);
  const auto job = hearing.wait_for_end();
  ASSERT_EQ(job.state, JobState::kSucceeded) << (job.failure ? job.failure->sentence : "");
  double fraction = 0;
  bool refines = false;
  for (const auto& event : hearing.events()) {
    refines = refines || is_refining(event.job);
    EXPECT_FALSE(refines && is_enlarging(event.job));
    EXPECT_GE(event.job.progress.fraction, fraction);
    fraction = event.job.progress.fraction;
    if (is_enlarging(event.job)) {
      EXPECT_LE(fraction, 0.5);
    }
  }
  EXPECT_TRUE(refines && any(hearing.events(), is_enlarging));
  EXPECT_EQ(fraction, 1);
  ASSERT_EQ(job.result->artifacts().size(), 1U);
  const auto& facts = job.result->used.as<card::CompositeFacts>();
  ASSERT_EQ(facts.steps.size(), 2U);
  EXPECT_EQ(facts.steps[0].task, "upscale");
  EXPECT_EQ(facts.steps[1].facts.at("width"), 128);
  EXPECT_EQ(facts.steps[1].facts.at("model"), "fake");
  EXPECT_TRUE(job.input.parameters.has("seed"));  // drawn once
  EXPECT_EQ(facts.steps[1].facts.at("seed"), job.input.parameters.members().at("seed"));
  EXPECT_TRUE(job.result->timing.contains("run_ms") && job.result->timing.contains("denoise_ms"));
  const auto picture = scheduler_->artifact(job.result->artifacts()[0]).bytes;
  EXPECT_THAT(std::string(picture.begin(), picture.end()), HasSubstr("Steps: 8, "));
  EXPECT_EQ(artifacts_.steps(), 0);
  EXPECT_TRUE(jobs_.find(id)->finished_steps.empty());
}

TEST_F(CompositeJobs, StreamTheTextOfEachStepFromItsStart) {
  options_.workers[0].launch = worker("step_ms=20,words=20");
  start();
  const auto id = scheduler_->submit(enhancement(8)).id;
  Hearing hearing(*scheduler_, id);
  ASSERT_EQ(hearing.wait_for_end().state, JobState::kSucceeded);
  const auto events = hearing.events();
  const auto read = text_of(events);
  EXPECT_EQ(read.text, words(20));
  EXPECT_EQ(read.starts, 3);
  EXPECT_EQ(read.pieces, 41);
}

TEST_F(CompositeJobs, AreCancelledInTheirSecondStep) {
  options_.workers[0].launch = worker("step_ms=20");
  start();
  const auto id = scheduler_->submit(enhancement(900)).id;
  Hearing hearing(*scheduler_, id);
  hearing.wait(is_refining);
  EXPECT_EQ(artifacts_.steps(), 1);
  scheduler_->cancel(id);
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kCancelled);
  EXPECT_EQ(artifacts_.steps(), 0);
}

TEST_F(CompositeJobs, RepeatOnlyTheStepInWhichTheWorkerWasKilled) {
  options_.workers[0].launch = worker("step_ms=20");
  start();
  const auto id = scheduler_->submit(enhancement(40)).id;
  Hearing hearing(*scheduler_, id);
  hearing.wait(is_refining);
  const auto before = hearing.events().size();
  ASSERT_EQ(::kill(worker_pid(), SIGKILL), 0);
  const auto job = hearing.wait_for_end();
  EXPECT_EQ(job.state, JobState::kSucceeded) << (job.failure ? job.failure->sentence : "");
  EXPECT_EQ(job.attempt, 2);
  const auto events = hearing.events();
  const std::vector<JobEvent> after(events.begin() + static_cast<std::ptrdiff_t>(before),
                                    events.end());
  EXPECT_FALSE(any(after, is_enlarging));
  EXPECT_TRUE(any(after, is_refining));
  EXPECT_EQ(artifacts_.steps(), 0);
}

TEST_F(CompositeJobs, GoOnAfterTheirFinishedStepsInTheNextLifeOfTheStation) {
  options_.workers[0].launch = worker("step_ms=20");
  start();
  const auto id = scheduler_->submit(enhancement(40)).id;
  Hearing(*scheduler_, id).wait(is_refining);
  scheduler_.reset();
  EXPECT_EQ(jobs_.find(id)->state, JobState::kQueued);
  EXPECT_EQ(jobs_.find(id)->finished_steps.size(), 1U);
  start();
  Hearing hearing(*scheduler_, id);
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kSucceeded);
  EXPECT_FALSE(any(hearing.events(), is_enlarging));
  EXPECT_EQ(artifacts_.steps(), 0);
}

TEST_F(CompositeJobs, GiveTheirPlaceToAMoreUrgentJobBetweenTwoSteps) {
  options_.workers[0].launch = worker("step_ms=100");
  start();
  const auto id = scheduler_->submit(enhancement(4)).id;
  Hearing hearing(*scheduler_, id);
  hearing.wait([](const Job& job) { return is_enlarging(job) && job.progress.stage == "tile"; });
  auto urgent = new_job(2);
  urgent.priority = 3;
  const auto end = Hearing(*scheduler_, scheduler_->submit(urgent).id).wait_for_end();
  EXPECT_EQ(hearing.wait_for_end().state, JobState::kSucceeded);
  const auto events = hearing.events();
  const auto refines =
      std::ranges::find_if(events, [](const JobEvent& event) { return is_refining(event.job); });
  ASSERT_NE(refines, events.end());
  EXPECT_LE(end.started_ms, refines->time_ms);
}

TEST_F(CompositeJobs, FailWithTheStepThatFailedAndTheFieldOfTheRequest) {
  start();
  auto ask = enhancement(1);
  // The engine alone knows the number of steps that it takes by default.
  ask.input.parameters = ask.input.parameters.with("steps", nullptr).with("strength", 0.01);
  const auto job = run(ask);
  ASSERT_TRUE(job.failure);
  EXPECT_EQ(job.failure->code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(job.failure->field, "strength");
  EXPECT_THAT(job.failure->sentence, HasSubstr("step 2 of 2 (Refine): the strength is too small"));
  EXPECT_EQ(artifacts_.steps(), 0);
}

TEST_F(CompositeJobs, AreRefusedBeforehandWhereAStepWouldBe) {
  start();
  const auto sound = enhancement(8, 512);
  const auto refused = [&](const char* member, const boost::json::value& value) {
    auto ask = sound;
    ask.input.parameters = ask.input.parameters.with(member, value);
    return refusal(ask);
  };
  EXPECT_EQ(refused("scale", 8).field(), "scale");  // 4096 pixels a side
  EXPECT_EQ(refused("scale", 9).field(), "scale");
  EXPECT_EQ(refused("steps", 0).field(), "steps");
  const auto strength = refused("strength", 0.01);
  EXPECT_EQ(strength.field(), "strength");
  EXPECT_THAT(strength.what(), HasSubstr("step 2 of 2 (Refine)"));
  const auto upscaler = refused("upscaler", "missing one");
  EXPECT_EQ(upscaler.code(), ErrorCode::kNotFound);
  EXPECT_THAT(upscaler.what(), HasSubstr("step 1 of 2 (Enlarge): model 'missing one'"));
  auto without = sound;
  without.attachments.clear();
  EXPECT_EQ(refusal(without).field(), "image");
  EXPECT_EQ(artifacts_.uploads(), 0);
}

}  // namespace
}  // namespace atelier::scheduler
