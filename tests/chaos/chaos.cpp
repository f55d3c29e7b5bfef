#include "chaos.h"

#include <algorithm>
#include <sstream>
#include <thread>

#include "event_reader.h"
#include "json_fields.h"
#include "queue_view.h"

namespace atelier::chaos {
namespace {

using namespace std::chrono_literals;

// Generous: the test runs on small machines with other programs, and a worker that was killed
// often is started again after half a minute.
constexpr auto kRestWithin = 120s;
constexpr auto kDrainWithin = 300s;
constexpr auto kEventsWithin = 60s;
constexpr int kWarmUpJobs = 60;
// What a station may hold beyond what it held after its first jobs: events of 200 ended jobs, free
// memory that the allocator keeps per thread.
constexpr long kGrowthKbMax = 64 << 10;
constexpr int kFilesMax = 16, kThreadsMax = 6;  // the same: connections to the database, decoders
constexpr std::size_t kLastEventsChecked = 60;

}  // namespace

Chaos::Chaos(const Plan& plan)
    : plan_(plan),
      journal_(plan.seed),
      ledger_(journal_),
      dice_(plan.seed),
      deck_dice_(plan.seed),
      station_(journal_, ledger_, dice_.seed(), plan.queued_max),
      traffic_(station_, ledger_, journal_, dice_) {
  paused_.fill(false);
}

void Chaos::run() {
  warm_up();
  play_decks();
  if (failed()) return;
  drain();
  check_every_job();
  check_usage("at the end");
  check_restarts_change_nothing();
  station_.end();
  station_.expect_no_orphans();
}

// At least one whole deck. The last station lives for the last third of a long run.
void Chaos::play_decks() {
  const auto begin = Clock::now();
  for (bool first = true; first || Clock::now() - begin < plan_.length; first = false) {
    std::vector<const Action*> deck;
    for (const auto& action : actions())
      deck.insert(deck.end(), static_cast<std::size_t>(action.count), &action);
    deck_dice_.shuffle(deck);
    for (const auto* action : deck) {
      const auto time = Clock::now() - begin;
      if (failed() || (!first && time >= plan_.length)) return;
      if (!first && action->restarts == Restarts::kYes && time > plan_.length * 2 / 3) continue;
      (this->*action->act)();
      ++done_[action->name];
      std::this_thread::sleep_for(std::chrono::milliseconds(dice_.between(0, 60)));
    }
  }
}

void Chaos::warm_up() {
  traffic_.halt();
  for (int i = 0; i < kWarmUpJobs; ++i) traffic_.submit(dice_, any_job(dice_), 0);
  wait_at_rest("after the first jobs");
  usage_at_first_ = usage_of(station_.pid());
  resident_kb_max_ = usage_at_first_.resident_kb;
  ledger_.calm(station_.memory_runs_out());
  traffic_.go_on();
}

void Chaos::wait_at_rest(const char* when) {
  const auto end = Clock::now() + kRestWithin;
  while (true) {
    const auto problem = why_not_at_rest(station_);
    if (problem.empty()) return;
    if (Clock::now() > end) {
      return journal_.violation(std::string{"not at rest "} + when + ": " + problem);
    }
    std::this_thread::sleep_for(30ms);
  }
}

void Chaos::rest() {
  journal_.note("rest");
  traffic_.halt();
  station_.free_disk();
  const auto paused = paused_;
  set_paused(std::nullopt, true);
  wait_at_rest("between actions");
  station_.expect_no_orphans();
  check_usage("at rest");
  ledger_.calm(station_.memory_runs_out());
  for (int priority = 0; priority < 4; ++priority) {
    if (!paused[static_cast<std::size_t>(priority)].value_or(false)) set_paused(priority, false);
  }
  traffic_.go_on();
  journal_.note("go on");
}

void Chaos::check_usage(const char* when) {
  const auto usage = usage_of(station_.pid());
  resident_kb_max_ = std::max(resident_kb_max_, usage.resident_kb);
  if (usage.resident_kb > usage_at_first_.resident_kb + kGrowthKbMax) {
    journal_.violation("the station has " + std::to_string(usage.resident_kb) + " KB " + when +
                       ", after the first jobs it had " +
                       std::to_string(usage_at_first_.resident_kb));
  }
  if (usage.threads > usage_at_first_.threads + kThreadsMax) {
    journal_.violation("the station has " + std::to_string(usage.threads) + " threads " + when +
                       ", after the first jobs it had " + std::to_string(usage_at_first_.threads));
  }
}

void Chaos::drain() {
  journal_.note("drain");
  traffic_.halt();
  station_.free_disk();
  set_paused(std::nullopt, false);
  const auto end = Clock::now() + kDrainWithin;
  while (number_at(station_.json("/api/v1/status"), "queued") > 0 && Clock::now() < end) {
    std::this_thread::sleep_for(50ms);
  }
  wait_at_rest("after the last job");
  traffic_.drop_slow_clients();
  const auto files_end = Clock::now() + kRestWithin;
  while (usage_of(station_.pid()).files > usage_at_first_.files + kFilesMax) {
    if (Clock::now() > files_end) {
      return journal_.violation(
          "the station has " + std::to_string(usage_of(station_.pid()).files) +
          " open files, after the first jobs it had " + std::to_string(usage_at_first_.files));
    }
    std::this_thread::sleep_for(50ms);
  }
}

void Chaos::check_every_job() {
  journal_.note("check every job");
  const auto asked = Clock::now();
  std::map<std::string, bj::value> views;
  const auto jobs = listed(station_, "");
  for (const auto& view : jobs) {
    ledger_.observe(view, asked);
    if (!views.emplace(text_at(view, "id"), view).second) {
      journal_.violation("job " + text_at(view, "id") + " is listed twice");
    }
  }
  check_markers(jobs);
  const auto known = ledger_.all();
  for (const auto& job : known) {
    if (!job.accepted) continue;
    const auto view = views.find(job.id);
    if (view == views.end()) {
      journal_.violation("the accepted job " + job.id + " is not listed");
      continue;
    }
    if (!job.end)
      journal_.violation("job " + job.id +
                         " has not ended: " + bj::serialize(view->second).substr(0, 500));
    if (job.priority && number_at(view->second, "priority") != *job.priority) {
      journal_.violation("job " + job.id + " does not have the priority that it was given");
    }
    if (job.end && job.end->state == "succeeded") traffic_.check_pictures(job, view->second);
  }
  check_last_events(known);
}

// A prompt that was sent n times has at most n jobs.
void Chaos::check_markers(const std::vector<bj::value>& jobs) {
  const auto sent = ledger_.sent_by_marker();
  std::map<std::string, int> found;
  for (const auto& view : jobs) {
    const auto prompt = text_at(field(view, "input"), "prompt");
    if (sent.contains(prompt)) ++found[prompt];
  }
  for (const auto& [marker, count] : found) {
    if (count <= sent.at(marker)) continue;
    journal_.violation("'" + marker + "' was sent " + std::to_string(sent.at(marker)) +
                       " times and has " + std::to_string(count) + " jobs");
  }
  const auto figures = ledger_.figures();
  if (std::ssize(jobs) > figures.sent) {
    journal_.violation(std::to_string(figures.sent) + " submissions were sent, and " +
                       std::to_string(jobs.size()) + " jobs are listed");
  }
}

void Chaos::check_last_events(const std::vector<KnownJob>& jobs) {
  std::vector<std::string> ids;
  for (const auto& job : jobs) {
    if (job.accepted && job.end) ids.push_back(job.id);
  }
  dice_.shuffle(ids);
  if (ids.size() > kLastEventsChecked) ids.resize(kLastEventsChecked);
  for (const auto& id : ids) {
    const auto end = Clock::now() + kEventsWithin;
    EventReader reader(station_, ledger_, journal_, id);
    reader.follow(dice_, [&] { return Clock::now() > end; });
    if (!reader.ended()) journal_.violation("the events of the ended job " + id + " do not end");
  }
}

// What is stored is what was reported: after a stop and after a kill, with nothing to do.
void Chaos::check_restarts_change_nothing() {
  const auto before = listed(station_, "");
  for (const bool kill : {false, true}) {
    if (kill) {
      station_.kill();
    } else {
      station_.stop();
    }
    const auto after = listed(station_, "");
    if (after.size() != before.size()) {
      journal_.violation("after a restart " + std::to_string(after.size()) + " jobs are listed, " +
                         std::to_string(before.size()) + " were before");
    }
    for (const auto& view : after) ledger_.observe(view, Clock::now());
    wait_at_rest("after the last start");
  }
}

std::string Chaos::report() const {
  return journal_.report(station_.log()) + "\nthe home folder is kept: " + station_.home().string();
}

std::string Chaos::summary() const {
  const auto jobs = ledger_.figures();
  const auto clients = traffic_.figures();
  std::ostringstream text;
  std::string failures;
  for (const auto& [code, count] : jobs.failures) {
    failures += (failures.empty() ? "" : ", ") + std::to_string(count) + " " + code;
  }
  text << "chaos: seed " << plan_.seed << ", " << static_cast<int>(journal_.seconds()) << " s, "
       << jobs.sent << " submissions, " << clients.full << " refused by a full queue, "
       << jobs.accepted << " accepted; of all jobs that were seen " << jobs.succeeded
       << " succeeded, " << jobs.failed << " failed (" << failures << "), " << jobs.cancelled
       << " were cancelled, " << jobs.repeated << " ran twice; " << jobs.shown_late
       << " looks showed a cancelled job as waiting; " << clients.followed
       << " followed to the end, " << clients.pictures << " pictures decoded; /health in "
       << clients.health_ms_max << " ms at most; resident " << usage_at_first_.resident_kb / 1024
       << " MB at first, " << resident_kb_max_ / 1024 << " MB at most\nchaos: actions:";
  for (const auto& [name, count] : done_) text << " " << count << "× " << name << ";";
  return text.str();
}

}  // namespace atelier::chaos
