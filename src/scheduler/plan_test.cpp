// Windows and what becomes of them, by hand. plan_properties_test.cpp has random ones.
#include "scheduler/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "scheduler/fair_shares.h"
#include "scheduler/plan_text.h"

namespace atelier::scheduler {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr std::int64_t kGb = 1'000'000'000;
constexpr std::int64_t kNow = 10'000'000;

// A window, its workers and its memory; the tests change what they are about.
class PlanNext : public testing::Test {
 protected:
  PlanNext() {
    memory_.models = {{.id = "sdxl", .bytes = 7 * kGb, .load_ms = 8000, .family = "generation"},
                      {.id = "anime", .bytes = 7 * kGb, .load_ms = 8000, .family = "generation"},
                      {.id = "vision", .bytes = 4 * kGb, .load_ms = 4000, .family = "vision"},
                      {.id = "tagger", .bytes = kGb / 2, .load_ms = 500, .family = "tagging"}};
  }

  WaitingJob& add(const std::string& id, int priority, const std::string& model = "",
                  const std::string& client = "") {
    window_.jobs.push_back({.id = id,
                            .client = client,
                            .priority = priority,
                            .model = model,
                            .queued_since_ms = kNow - 1000,
                            .order = static_cast<std::int64_t>(window_.jobs.size())});
    return window_.jobs.back();
  }
  WorkerView& worker(const std::string& name, int places_free,
                     const std::vector<std::string>& resident = {}) {
    workers_.push_back({.name = name, .device = "device of " + name, .places_free = places_free});
    for (const auto& model : resident) hold(workers_.back(), model);
    return workers_.back();
  }
  ResidentModel& hold(WorkerView& worker, const std::string& model) {
    worker.models.push_back({.id = model, .last_used_ms = kNow - 5000});
    for (const auto& view : memory_.models) {
      if (view.id == model) worker.models.back().bytes = view.bytes;
    }
    return worker.models.back();
  }
  RunningJob& run(WorkerView& worker, const std::string& id, int priority,
                  const std::string& model = "") {
    worker.running.push_back({.id = id, .priority = priority, .model = model, .started_ms = kNow});
    return worker.running.back();
  }
  void budget(const std::string& worker, std::int64_t bytes) {
    memory_.devices.push_back({.id = "device of " + worker, .bytes_budget = bytes});
  }

  void plan() { plan_ = plan_next(window_, workers_, memory_, settings_, kNow); }
  // "job>worker" of each assignment.
  std::vector<std::string> started() {
    plan();
    std::vector<std::string> found;
    for (const auto& each : plan_.assignments) found.push_back(each.job + ">" + each.worker);
    return found;
  }
  std::vector<std::string> evicted() {
    std::vector<std::string> found;
    for (const auto& each : plan_.evictions) found.push_back(each.model + "<" + each.worker);
    return found;
  }
  const Wait& wait_of(const std::string& job) {
    for (const auto& each : plan_.waits) {
      if (each.job == job) return each;
    }
    ADD_FAILURE() << job << " does not wait";
    static const Wait none;
    return none;
  }

  Window window_;
  std::vector<WorkerView> workers_;
  MemoryView memory_;
  PlanSettings settings_;
  Plan plan_;
};

TEST_F(PlanNext, PlansNothingForAnEmptyWindow) {
  worker("main", 1);
  plan();
  EXPECT_EQ(plan_, Plan{});
}

TEST_F(PlanNext, JobsWaitWhileThereIsNoWorker) {
  add("a", 2);
  EXPECT_THAT(started(), IsEmpty());
  EXPECT_EQ(wait_of("a").reason, Wait::Reason::kNoWorker);
  worker("main", 3).ready = false;
  EXPECT_THAT(started(), IsEmpty());
  EXPECT_EQ(wait_of("a").reason, Wait::Reason::kStarting);
  EXPECT_EQ(wait_of("a").worker, "main");
}

TEST_F(PlanNext, PriorityComesBeforeAge) {
  add("a", 0);
  add("b", 2);
  add("c", 3);
  add("d", 2);
  worker("main", 3);
  EXPECT_THAT(started(), ElementsAre("c>main", "b>main", "d>main"));
  EXPECT_EQ(wait_of("a").reason, Wait::Reason::kPlace);
  EXPECT_EQ(wait_of("a").since_ms, kNow - 1000);
}

TEST_F(PlanNext, EachFreeWorkerGetsOne) {
  add("a", 2);
  add("b", 2);
  add("c", 0);
  worker("x", 1);
  worker("y", 0);
  worker("z", 1);
  EXPECT_THAT(started(), ElementsAre("a>x", "b>z"));
}

TEST_F(PlanNext, JobsThatHaveBegunAndThoseMovedToTheFrontComeFirst) {
  add("a", 2);
  add("b", 2).moved_to_front = true;
  add("c", 2).begun = true;
  add("d", 3);
  worker("main", 4);
  EXPECT_THAT(started(), ElementsAre("d>main", "c>main", "b>main", "a>main"));
}

TEST_F(PlanNext, APausedPriorityIsNotStarted) {
  add("a", 0).begun = true;
  add("b", 1);
  window_.paused[0] = true;
  worker("main", 2);
  EXPECT_THAT(started(), ElementsAre("b>main"));
  EXPECT_EQ(wait_of("a").reason, Wait::Reason::kPaused);
  EXPECT_EQ(next_admission(plan_), nullptr);
}

TEST_F(PlanNext, AClientWithManyJobsDoesNotDelayOneWithFew) {
  for (int i = 0; i < 50; ++i) add("bulk" + std::to_string(i), 2, "", "bulk").expected_ms = 10;
  add("single", 2, "", "other").expected_ms = 10;
  FairShares shares;
  for (int i = 0; i < 5; ++i) shares.started("bulk", 2, 10);
  shares.write_to(window_);
  worker("main", 1);
  EXPECT_THAT(started(), ElementsAre("single>main"));
  EXPECT_EQ(wait_of("bulk0").reason, Wait::Reason::kClientTurn);
  EXPECT_EQ(wait_of("bulk0").client, "other");
  EXPECT_EQ(wait_of("bulk0").job_ahead, "single");
}

TEST_F(PlanNext, ClientsTakeTurnsByTheWorkThatTheyHaveHad) {
  // One job of `a` is as long as two of `b`.
  for (int i = 0; i < 4; ++i) add("a" + std::to_string(i), 2, "", "a").expected_ms = 200;
  for (int i = 0; i < 4; ++i) add("b" + std::to_string(i), 2, "", "b").expected_ms = 100;
  worker("main", 1);
  FairShares shares;
  std::string order;
  while (!window_.jobs.empty()) {
    shares.write_to(window_);
    plan();
    const auto id = plan_.assignments.at(0).job;
    order += id.substr(0, 1);
    const auto job = std::ranges::find(window_.jobs, id, &WaitingJob::id);
    shares.started(job->client, job->priority, job->expected_ms);
    window_.jobs.erase(job);
  }
  EXPECT_EQ(order, "abbabbaa");
}

TEST_F(PlanNext, AClientThatWasIdleDoesNotSaveUpService) {
  FairShares shares;
  shares.started("late", 2, 10);
  for (int i = 0; i < 100; ++i) shares.started("busy", 2, 10);
  shares.write_to(window_);
  for (int i = 0; i < 4; ++i) add("busy" + std::to_string(i), 2, "", "busy").expected_ms = 10;
  for (int i = 0; i < 4; ++i) add("late" + std::to_string(i), 2, "", "late").expected_ms = 10;
  worker("main", 4);
  EXPECT_THAT(started(), ElementsAre("late0>main", "busy0>main", "late1>main", "busy1>main"));
}

TEST_F(PlanNext, ARaisedJobGoesFirstWhenItIsItsTurn) {
  add("p3", 3);
  add("old", 0).queued_since_ms = kNow - settings_.age_ms[0];
  auto& main = worker("main", 1);
  main.starts_since[0] = settings_.aged_share - 2;
  EXPECT_THAT(started(), ElementsAre("p3>main"));
  main.starts_since[0] = settings_.aged_share - 1;
  EXPECT_THAT(started(), ElementsAre("old>main"));
  EXPECT_EQ(plan_.assignments[0].reason, Assignment::Reason::kAged);
  window_.jobs[1].queued_since_ms += 1;
  EXPECT_THAT(started(), ElementsAre("p3>main"));
}

TEST_F(PlanNext, LightJobsGoToTheLightWorker) {
  add("a", 2).worker_class = WorkerClass::kLight;
  add("b", 2).worker_class = WorkerClass::kMain;
  add("c", 2).worker_class = WorkerClass::kAny;
  worker("main", 1);
  worker("small", 2).worker_class = WorkerClass::kLight;
  EXPECT_THAT(started(), ElementsAre("a>small", "b>main", "c>small"));
  workers_[1].places_free = 0;
  EXPECT_THAT(started(), ElementsAre("b>main"));
  workers_[1].tasks = {"embed"};  // it does not run this one
  window_.jobs[0].task = "tag";
  EXPECT_THAT(started(), ElementsAre("a>main"));
  workers_.pop_back();
  window_.jobs[0].task = "";
  EXPECT_THAT(started(), ElementsAre("a>main"));
}

TEST_F(PlanNext, AJobRunsWhereItsTaskRuns) {
  add("a", 2).task = "mesh";
  add("b", 2).only_worker = "y";
  worker("x", 2).tasks = {"tag"};
  worker("y", 2).tasks = {"tag", "mesh"};
  EXPECT_THAT(started(), ElementsAre("a>y", "b>y"));
  workers_.pop_back();
  window_.jobs.pop_back();
  EXPECT_THAT(started(), IsEmpty());
  ASSERT_EQ(plan_.refusals.size(), 1u);
  EXPECT_EQ(plan_.refusals[0].reason, Refusal::Reason::kTask);
}

TEST_F(PlanNext, AJobGoesWhereItsModelIs) {
  add("a", 2, "sdxl");
  add("b", 2, "vision");
  worker("x", 1, {"vision"});
  worker("y", 1, {"sdxl"});
  EXPECT_THAT(started(), ElementsAre("a>y", "b>x"));
  EXPECT_THAT(plan_.loads, IsEmpty());
}

TEST_F(PlanNext, AJobWaitsForItsModelWhereThatIsFasterThanALoad) {
  add("a", 2, "sdxl").expected_ms = 1000;
  worker("x", 1);
  auto& busy = run(worker("y", 0, {"sdxl"}), "r", 2, "sdxl");
  busy.expected_ms = 5000;
  EXPECT_THAT(started(), IsEmpty());
  EXPECT_EQ(wait_of("a").reason, Wait::Reason::kBetterPlace);
  EXPECT_EQ(wait_of("a").worker, "y");
  EXPECT_EQ(wait_of("a").expected_ms, 5000);
  workers_[1].running[0].expected_ms = 9000;  // a load takes 8000
  EXPECT_THAT(started(), ElementsAre("a>x"));
  ASSERT_EQ(plan_.loads.size(), 1u);
  EXPECT_EQ(plan_.loads[0], (Load{"sdxl", "x", "a", 7 * kGb}));
  // The end of a run that takes longer than expected is not waited for any more.
  workers_[1].running[0].expected_ms = 5000;
  workers_[1].running[0].started_ms = kNow - 40'000;
  EXPECT_THAT(started(), ElementsAre("a>x"));
}

TEST_F(PlanNext, TheWaitBehindOtherWaitingJobsCounts) {
  for (const auto* id : {"a", "b", "c"}) add(id, 2, "sdxl").expected_ms = 4000;
  worker("x", 1);
  run(worker("y", 0, {"sdxl"}), "r", 2, "sdxl").expected_ms = 3000;
  EXPECT_THAT(started(), ElementsAre("c>x"));  // `a` and `b` keep y for 11 s
}

TEST_F(PlanNext, AFasterWorkerIsWorthAWait) {
  add("a", 2).expected_ms = 60'000;
  worker("slow", 1).speed = 0.25;
  auto& fast = worker("fast", 0);
  fast.speed = 2;
  run(fast, "r", 2).expected_ms = 10'000;
  EXPECT_THAT(started(), IsEmpty());
  EXPECT_EQ(wait_of("a").reason, Wait::Reason::kBetterPlace);
  fast.running[0].expected_ms = 300'000;
  EXPECT_THAT(started(), ElementsAre("a>slow"));
}

TEST_F(PlanNext, TwoModelsThatFitStaySideBySide) {
  budget("main", 9 * kGb);
  worker("main", 1, {"tagger"});
  add("a", 2, "vision").peak_bytes = kGb;
  EXPECT_THAT(started(), ElementsAre("a>main"));
  EXPECT_THAT(plan_.evictions, IsEmpty());
  ASSERT_EQ(plan_.loads.size(), 1u);
}

TEST_F(PlanNext, AnIdleModelMakesRoomAndTheJobStartsOnceItIsGone) {
  budget("main", 9 * kGb);
  auto& main = worker("main", 1, {"sdxl", "tagger"});
  add("a", 2, "anime").peak_bytes = kGb;
  EXPECT_THAT(started(), IsEmpty());
  EXPECT_THAT(evicted(), ElementsAre("sdxl<main"));
  EXPECT_EQ(plan_.evictions[0].idle_ms, 5000);
  EXPECT_EQ(wait_of("a").reason, Wait::Reason::kEviction);
  EXPECT_EQ(wait_of("a").bytes_needed, 8 * kGb);
  EXPECT_EQ(wait_of("a").bytes_free, 3 * kGb / 2);
  // Under way: nothing more is evicted, and the place is kept.
  main.models[0].evicting_since_ms = kNow - 100;
  add("b", 0);
  EXPECT_THAT(started(), IsEmpty());
  EXPECT_THAT(plan_.evictions, IsEmpty());
  EXPECT_EQ(wait_of("a").reason, Wait::Reason::kEviction);
  main.models.erase(main.models.begin());
  EXPECT_THAT(started(), ElementsAre("a>main"));
}

TEST_F(PlanNext, AnEvictionThatTakesTooLongIsGivenUp) {
  budget("main", 9 * kGb);
  auto& main = worker("main", 1, {"vision", "sdxl"});
  main.models[1].bytes = 4 * kGb;
  main.models[0].evicting_since_ms = kNow - settings_.eviction_ms_max;
  add("a", 2, "tagger").peak_bytes = 2 * kGb;
  plan();
  EXPECT_THAT(evicted(), ElementsAre("sdxl<main"));
}

TEST_F(PlanNext, EvictsByBytesAndAgeAndNoMoreThanIsNeeded) {
  budget("main", 10 * kGb);
  auto& main = worker("main", 1, {"tagger", "vision", "sdxl"});
  memory_.models.push_back({.id = "new", .bytes = 3 * kGb});
  main.models[0].last_used_ms = kNow - 10'000;
  main.models[1].last_used_ms = kNow - 6'000;
  main.models[2].bytes = 5 * kGb;
  main.models[2].last_used_ms = kNow - 1'000;
  add("a", 2, "new");
  plan();
  EXPECT_THAT(evicted(), ElementsAre("vision<main"));  // 24 against 5 for each of the others
  // One for which a job waits is evicted after the others.
  window_.jobs[0].passed = settings_.affinity_jobs_max[2];
  add("b", 2, "vision");
  plan();
  EXPECT_THAT(evicted(), ElementsAre("sdxl<main"));
}

TEST_F(PlanNext, PinnedAndBusyModelsStay) {
  budget("main", 12 * kGb);
  auto& main = worker("main", 1, {"sdxl", "vision"});
  main.models[0].pinned = true;
  run(main, "r", 2, "vision").expected_ms = 700;
  add("a", 2, "anime");
  EXPECT_THAT(started(), IsEmpty());
  EXPECT_THAT(plan_.evictions, IsEmpty());
  EXPECT_EQ(wait_of("a").reason, Wait::Reason::kMemory);
  EXPECT_THAT(wait_of("a").models, testing::Contains("sdxl"));
  main.models[0].pinned = false;
  plan();
  EXPECT_THAT(evicted(), ElementsAre("sdxl<main"));
}

TEST_F(PlanNext, WorkersOfOneDeviceShareItsMemory) {
  budget("main", 9 * kGb);
  worker("main", 1);
  auto& small = worker("small", 0, {"vision"});
  small.worker_class = WorkerClass::kLight;
  small.device = workers_[0].device;
  add("a", 2, "sdxl");
  EXPECT_THAT(started(), IsEmpty());
  EXPECT_THAT(evicted(), ElementsAre("vision<small"));
  run(workers_[1], "r", 2, "vision");
  EXPECT_THAT(started(), IsEmpty());
  EXPECT_THAT(evicted(), IsEmpty());
  EXPECT_EQ(wait_of("a").reason, Wait::Reason::kMemory);
  EXPECT_THAT(wait_of("a").models, ElementsAre("vision"));
}

TEST_F(PlanNext, MeasuredMemoryCountsAsWell) {
  memory_.devices.push_back(
      {.id = "device of main", .bytes_budget = 20 * kGb, .bytes_free = 3 * kGb});
  worker("main", 1).ghost_bytes = kGb;
  add("a", 2, "vision");
  EXPECT_THAT(started(), IsEmpty());
  EXPECT_EQ(wait_of("a").reason, Wait::Reason::kMemory);
  EXPECT_EQ(wait_of("a").bytes_free, 3 * kGb);
  memory_.devices[0].bytes_free = 4 * kGb;
  EXPECT_THAT(started(), ElementsAre("a>main"));
}

TEST_F(PlanNext, AJobThatNeedsMoreThanTheBudgetIsRefused) {
  budget("main", 6 * kGb);
  worker("main", 0);
  add("a", 2, "vision").peak_bytes = 3 * kGb;
  add("b", 2, "vision").peak_bytes = 2 * kGb;
  plan();
  ASSERT_EQ(plan_.refusals.size(), 1u);
  EXPECT_EQ(plan_.refusals[0].job, "a");
  EXPECT_EQ(describe(plan_.refusals[0]),
            "the job needs 7000 MB of memory, and 6000 MB are the whole budget of worker 'main': "
            "take a smaller model or size, or raise the budget");
  worker("large", 0);  // its memory is not limited
  plan();
  EXPECT_THAT(plan_.refusals, IsEmpty());
}

TEST_F(PlanNext, ModeHighEvictsNothingAndRefusesWhatDoesNotFit) {
  budget("main", 9 * kGb);
  settings_.mode = MemoryMode::kHigh;
  auto& main = worker("main", 2, {"sdxl"});
  add("a", 2, "anime");
  add("b", 2, "tagger");
  EXPECT_THAT(started(), ElementsAre("b>main"));
  EXPECT_THAT(plan_.evictions, IsEmpty());
  ASSERT_EQ(plan_.refusals.size(), 1u);
  EXPECT_THAT(describe(plan_.refusals[0]), HasSubstr("2000 MB are left on worker 'main'"));
  // The mode of the request takes precedence.
  window_.jobs[0].mode = MemoryMode::kBalanced;
  plan();
  EXPECT_THAT(plan_.refusals, IsEmpty());
  EXPECT_THAT(evicted(), ElementsAre("sdxl<main"));
  // What a run needs is free again after it: that is waited for.
  window_.jobs[0] = {.id = "a", .priority = 2, .model = "tagger", .peak_bytes = kGb};
  window_.jobs.pop_back();
  run(main, "r", 2, "sdxl").peak_bytes = kGb;
  EXPECT_THAT(started(), IsEmpty());
  EXPECT_EQ(wait_of("a").reason, Wait::Reason::kMemory);
}

TEST_F(PlanNext, ModeLowKeepsOneFamilyAndUnloadsAfterUse) {
  budget("main", 100 * kGb);
  settings_.mode = MemoryMode::kLow;
  auto& main = worker("main", 1, {"sdxl", "vision"});
  main.models[1].pinned = true;
  add("a", 2, "tagger");
  EXPECT_THAT(started(), IsEmpty());
  EXPECT_THAT(evicted(), ElementsAre("sdxl<main"));
  EXPECT_EQ(plan_.evictions[0].reason, Eviction::Reason::kFamily);
  window_.jobs.clear();
  plan();
  EXPECT_THAT(evicted(), ElementsAre("sdxl<main"));
  EXPECT_EQ(plan_.evictions[0].reason, Eviction::Reason::kAfterUse);
  run(main, "r", 2, "sdxl");
  add("a", 2, "tagger");
  EXPECT_THAT(started(), IsEmpty());
  EXPECT_EQ(wait_of("a").reason, Wait::Reason::kFamily);
  add("b", 2, "anime");  // of the family in use; `a` may still be passed
  EXPECT_THAT(started(), ElementsAre("b>main"));
}

TEST_F(PlanNext, ALowRequestUnloadsAfterUseAndKeepAliveExpires) {
  auto& main = worker("main", 1, {"sdxl", "vision", "tagger", "anime"});
  main.models[0].unload_after_use = true;
  main.models[1].expires_ms = kNow;
  main.models[2].expires_ms = kNow + 1;
  main.models[3].expires_ms = kNow - 1;
  main.models[3].busy = true;
  plan();
  EXPECT_THAT(evicted(), ElementsAre("sdxl<main", "vision<main"));
  add("a", 2, "sdxl");
  EXPECT_THAT(started(), ElementsAre("a>main"));
  EXPECT_THAT(evicted(), ElementsAre("vision<main"));
}

TEST_F(PlanNext, AJobWhoseModelIsResidentPassesAFewOthers) {
  budget("main", 9 * kGb);
  worker("main", 1, {"sdxl"});
  add("a", 2, "anime");
  add("b", 2, "sdxl");
  EXPECT_THAT(started(), ElementsAre("b>main"));
  EXPECT_EQ(plan_.assignments[0].reason, Assignment::Reason::kAffinity);
  EXPECT_THAT(plan_.passes, ElementsAre(Pass{"a", 1}));
  EXPECT_EQ(wait_of("a").reason, Wait::Reason::kAffinity);
  EXPECT_EQ(wait_of("a").job_ahead, "b");
  window_.jobs[0].passed = settings_.affinity_jobs_max[2];
  plan();
  EXPECT_THAT(plan_.assignments, IsEmpty());
  EXPECT_THAT(evicted(), ElementsAre("sdxl<main"));
  window_.jobs[0].passed = 1;
  window_.jobs[0].passed_since_ms = kNow - settings_.affinity_ms_max[2];
  plan();
  EXPECT_THAT(evicted(), ElementsAre("sdxl<main"));
  // Never one of a higher priority.
  window_.jobs[0].passed = 0;
  window_.jobs[0].passed_since_ms = {};
  window_.jobs[0].priority = 3;
  plan();
  EXPECT_THAT(evicted(), ElementsAre("sdxl<main"));
}

TEST_F(PlanNext, AModelIsNotLoadedTwiceOnOneWorker) {
  add("a", 2, "sdxl");
  add("b", 2, "sdxl");
  auto& main = worker("main", 2);
  EXPECT_THAT(started(), ElementsAre("a>main"));
  EXPECT_EQ(plan_.loads.size(), 1u);
  EXPECT_EQ(wait_of("b").reason, Wait::Reason::kLoading);
  window_.jobs.erase(window_.jobs.begin());
  run(main, "a", 2, "sdxl");  // its load is not reported yet
  main.places_free = 1;
  EXPECT_THAT(started(), IsEmpty());
  EXPECT_EQ(wait_of("b").reason, Wait::Reason::kLoading);
}

TEST_F(PlanNext, ABackgroundJobYieldsWhenNoPlaceIsFree) {
  auto& main = worker("main", 0);
  run(main, "p1", 1).may_yield = true;
  run(main, "p0 old", 0).may_yield = true;
  run(main, "p0", 0).may_yield = true;
  main.running[1].started_ms -= 1000;
  run(main, "p2", 2).may_yield = true;
  add("a", 2);
  add("b", 3);
  add("c", 1);
  plan();
  EXPECT_THAT(plan_.preemptions,
              ElementsAre(Preemption{"p0", "main", "b"}, Preemption{"p0 old", "main", "a"}));
  EXPECT_EQ(wait_of("b").reason, Wait::Reason::kYield);
  EXPECT_EQ(wait_of("b").job_ahead, "p0");
  EXPECT_EQ(wait_of("c").reason, Wait::Reason::kPlace);
  // Those that have been asked count.
  main.running[1].yielding = main.running[2].yielding = true;
  plan();
  EXPECT_THAT(plan_.preemptions, IsEmpty());
  EXPECT_EQ(wait_of("a").reason, Wait::Reason::kYield);
  main.running[2].yielding = main.running[2].may_yield = false;
  plan();
  EXPECT_THAT(plan_.preemptions, ElementsAre(Preemption{"p1", "main", "a"}));
}

TEST_F(PlanNext, NothingYieldsForAPlaceThatTheJobWouldNotTake) {
  add("a", 3, "sdxl").expected_ms = 4000;
  auto& slow = worker("slow", 0);
  slow.speed = 0.25;
  run(slow, "p0", 0).may_yield = true;
  run(worker("fast", 0, {"sdxl"}), "p2", 2, "sdxl").expected_ms = 3000;
  plan();
  EXPECT_THAT(plan_.preemptions, IsEmpty());  // 24.5 s against 7 s
  EXPECT_EQ(wait_of("a").reason, Wait::Reason::kPlace);
  workers_[1].running[0].expected_ms = 30'000;
  plan();
  EXPECT_THAT(plan_.preemptions, ElementsAre(Preemption{"p0", "slow", "a"}));
}

TEST_F(PlanNext, NothingYieldsWhileAPlaceIsFree) {
  run(worker("main", 1), "p0", 0).may_yield = true;
  add("a", 3);
  EXPECT_THAT(started(), ElementsAre("a>main"));
  EXPECT_THAT(plan_.preemptions, IsEmpty());
}

TEST_F(PlanNext, ARaisedJobRunsForAWhileBeforeItYields) {
  auto& p0 = run(worker("main", 0), "p0", 0);
  p0.may_yield = true;
  p0.waited_ms = settings_.age_ms[0];
  p0.started_ms = kNow - settings_.aged_run_ms + 1;
  add("a", 3);
  plan();
  EXPECT_THAT(plan_.preemptions, IsEmpty());
  workers_[0].running[0].started_ms -= 1;
  plan();
  EXPECT_EQ(plan_.preemptions.size(), 1u);
}

TEST_F(PlanNext, BackgroundJobsYieldForMemoryAsManyAsAreNeeded) {
  budget("main", 9 * kGb);
  auto& main = worker("main", 1, {"sdxl"});
  for (const auto* id : {"x", "y"}) {
    auto& each = run(main, id, 0, "sdxl");
    each.may_yield = true;
    each.peak_bytes = kGb;
  }
  add("a", 3, "vision");
  plan();
  EXPECT_THAT(plan_.preemptions,
              UnorderedElementsAre(Preemption{"x", "main", "a"}, Preemption{"y", "main", "a"}));
  // Where it would not help, nothing yields.
  main.running[0].may_yield = false;
  plan();
  EXPECT_THAT(plan_.preemptions, IsEmpty());
  EXPECT_EQ(wait_of("a").reason, Wait::Reason::kMemory);
}

TEST_F(PlanNext, MemoryIsKeptForTheFirstJobThatWaitsForIt) {
  budget("main", 9 * kGb);
  auto& main = worker("main", 2, {"tagger"});
  run(main, "r", 2, "vision");
  hold(main, "vision");
  add("a", 2, "sdxl").passed = settings_.affinity_jobs_max[2];
  add("b", 1, "tagger").peak_bytes = kGb;
  EXPECT_THAT(started(), IsEmpty());
  EXPECT_EQ(wait_of("a").reason, Wait::Reason::kMemory);
  EXPECT_NE(wait_of("b").reason, Wait::Reason::kPaused);
  main.running.clear();
  plan();
  EXPECT_THAT(evicted(), ElementsAre("vision<main"));
}

TEST_F(PlanNext, JobsOfOneBatchKeyRunInOneCall) {
  for (const auto* id : {"a", "b", "c", "d", "e"}) {
    auto& each = add(id, 0, "tagger");
    each.batch_key = "tag";
    each.peak_bytes = kGb;
  }
  window_.jobs[1].batch_key = "";
  auto& main = worker("main", 1, {"tagger"});
  main.batch_width["tag"] = 3;
  budget("main", 20 * kGb);
  EXPECT_THAT(started(), ElementsAre("a>main", "c>main", "d>main"));
  EXPECT_EQ(plan_.assignments[1].batch, "a");
  EXPECT_EQ(plan_.assignments[1].reason, Assignment::Reason::kBatch);
  memory_.devices[0].bytes_budget = 3 * kGb;
  EXPECT_THAT(started(), ElementsAre("a>main", "c>main"));
}

TEST_F(PlanNext, SaysWhatTheNextAdmissionNeeds) {
  budget("main", 9 * kGb);
  auto& main = worker("main", 1, {"sdxl"});
  run(main, "r", 2, "sdxl").expected_ms = 2500;
  add("a", 2, "anime").peak_bytes = kGb;
  plan();
  ASSERT_NE(next_admission(plan_), nullptr);
  EXPECT_EQ(describe(*next_admission(plan_)),
            "it needs 8000 MB on worker 'main', 2000 MB are free; in use: sdxl; expected in 2.5 s");
}

}  // namespace
}  // namespace atelier::scheduler
