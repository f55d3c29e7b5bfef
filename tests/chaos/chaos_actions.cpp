// What a run does to the station.
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "chaos.h"
#include "json_fields.h"

namespace atelier::chaos {
namespace {

using namespace std::chrono_literals;

constexpr auto kBusyWithin = 600ms;

std::string number(std::optional<int> priority) {
  return priority ? std::to_string(*priority) : "all";
}

}  // namespace

const std::vector<Chaos::Action>& Chaos::actions() {
  static const std::vector<Action> kActions{
      {"cancel one", 8, Restarts::kNo, &Chaos::cancel_one},
      {"cancel many", 2, Restarts::kNo, &Chaos::cancel_many},
      {"pause", 3, Restarts::kNo, &Chaos::pause},
      {"resume", 4, Restarts::kNo, &Chaos::resume},
      {"reprioritise", 6, Restarts::kNo, &Chaos::reprioritise},
      {"move to front", 5, Restarts::kNo, &Chaos::move_to_front},
      {"retry", 5, Restarts::kNo, &Chaos::retry},
      {"kill the main worker", 2, Restarts::kNo, &Chaos::kill_main_worker},
      {"kill the light worker", 2, Restarts::kNo, &Chaos::kill_light_worker},
      {"stop a worker for a while", 2, Restarts::kNo, &Chaos::stop_a_worker_for_a_while},
      {"crash a worker", 1, Restarts::kNo, &Chaos::crash_a_worker},
      {"kill a decoder", 2, Restarts::kNo, &Chaos::kill_a_decoder},
      {"kill the station", 2, Restarts::kYes, &Chaos::kill_the_station},
      {"restart the station", 1, Restarts::kYes, &Chaos::restart_the_station},
      {"restart at rest", 1, Restarts::kYes, &Chaos::restart_at_rest},
      {"flood", 1, Restarts::kNo, &Chaos::flood},
      {"fill the disk", 2, Restarts::kNo, &Chaos::fill_the_disk},
      {"unload", 2, Restarts::kNo, &Chaos::unload},
      {"refresh", 2, Restarts::kNo, &Chaos::refresh},
      {"add slow clients", 2, Restarts::kNo, &Chaos::add_slow_clients},
      {"wait a moment", 6, Restarts::kNo, &Chaos::wait_a_moment},
      {"rest", 2, Restarts::kNo, &Chaos::rest},
  };
  return kActions;
}

bool Chaos::took(const Answer& answer, const std::string& what, const std::vector<int>& statuses) {
  const int status = answer.reply.status;
  if (status == 200) return true;
  if (answer.owed && status < 500 && status != 0 && !std::ranges::count(statuses, status)) {
    journal_.violation(what + " got " + std::to_string(status) + ": " + answer.reply.body);
  }
  return false;
}

void Chaos::cancel_one() {
  const auto job =
      ledger_.any(dice_.one_in(6) ? Ledger::Which::kAny : Ledger::Which::kNotEnded, dice_);
  if (!job) return;
  journal_.note("cancel " + job->id);
  ledger_.cancel_asked(job->id);
  const auto asked = Clock::now();
  const auto answer = station_.ask("POST", "/api/v1/jobs/" + job->id + "/cancel");
  if (took(answer, "a cancellation", {})) ledger_.observe(parsed(answer.reply.body), asked);
}

void Chaos::cancel_many() {
  bj::object filter;
  const auto job = ledger_.any(Ledger::Which::kNotEnded, dice_);
  if (dice_.one_in(2)) filter["priority"] = dice_.between(0, 3);
  if (job && dice_.one_in(2)) filter["task"] = job->submission.task;
  if (job && dice_.one_in(4)) filter["client"] = job->client;
  const auto body = bj::serialize(filter);
  journal_.note("cancel " + body);
  ledger_.add(Cause::kCancelMany);
  const auto answer = station_.ask("POST", "/api/v1/queue/cancel", body);
  if (took(answer, "a cancellation", {})) {
    journal_.note("cancelled " + std::to_string(number_at(parsed(answer.reply.body), "cancelled")));
  }
}

void Chaos::set_paused(std::optional<int> priority, bool paused) {
  journal_.note(std::string{paused ? "pause " : "resume "} + number(priority));
  const auto body = priority ? R"({"priority":)" + std::to_string(*priority) + "}" : "{}";
  const auto answer =
      station_.ask("POST", paused ? "/api/v1/queue/pause" : "/api/v1/queue/resume", body);
  const bool done = took(answer, "a pause", {});
  for (int each = 0; each < 4; ++each) {
    if (priority && *priority != each) continue;
    paused_[static_cast<std::size_t>(each)] = done ? std::optional(paused) : std::nullopt;
  }
  if (done) expect_pauses();
}

void Chaos::expect_pauses() {
  const auto queue = station_.json("/api/v1/queue");
  for (const auto& each : list_at(queue, "priorities")) {
    const auto priority = number_at(each, "priority");
    const auto expected = paused_.at(static_cast<std::size_t>(priority));
    if (!expected || field(each, "paused") == *expected) continue;
    journal_.violation("priority " + std::to_string(priority) + " is " +
                       (*expected ? "no longer paused" : "paused"));
  }
}

void Chaos::pause() {
  set_paused(dice_.one_in(5) ? std::nullopt : std::optional(dice_.between(0, 3)), true);
}

void Chaos::resume() {
  set_paused(dice_.one_in(2) ? std::nullopt : std::optional(dice_.between(0, 3)), false);
}

void Chaos::reprioritise() {
  const auto job = ledger_.any(Ledger::Which::kNotEnded, dice_);
  if (!job) return;
  const int priority = dice_.between(0, 3);
  journal_.note("priority " + std::to_string(priority) + " for " + job->id);
  const auto answer = station_.ask("POST", "/api/v1/jobs/" + job->id + "/priority",
                                   R"({"priority":)" + std::to_string(priority) + "}");
  if (took(answer, "a priority", {409, 429})) {
    ledger_.priority_set(job->id, priority);
  } else if (answer.reply.status != 409) {
    ledger_.priority_set(job->id, std::nullopt);
  }
}

void Chaos::move_to_front() {
  const auto job = ledger_.any(Ledger::Which::kNotEnded, dice_);
  if (!job) return;
  journal_.note("to the front: " + job->id);
  took(station_.ask("POST", "/api/v1/jobs/" + job->id + "/front"), "a move", {409});
}

void Chaos::retry() {
  const auto job = ledger_.any(Ledger::Which::kAny, dice_);
  if (!job) return;
  journal_.note("retry " + job->id);
  auto submission = job->submission;
  submission.key.clear();  // another request
  ledger_.sent(submission);
  const auto answer = station_.ask("POST", "/api/v1/jobs/" + job->id + "/retry");
  if (answer.reply.status == 202) {
    return ledger_.accepted(submission, parsed(answer.reply.body));
  }
  if (answer.reply.status == 422 && ledger_.since_calm(Cause::kDecoderEnd)) return;
  took(answer, "a retry", {409, 429});
}

std::optional<pid_t> Chaos::worker(const std::string& name) {
  const auto status = station_.json("/api/v1/status");
  for (const auto& each : list_at(status, "workers")) {
    const auto pid = static_cast<pid_t>(number_at(each, "pid"));
    if (text_at(each, "name") != name) continue;
    // The status may be old: only a child of the station is signalled.
    for (const auto& child : children_of(station_.pid())) {
      if (child.pid == pid && child.name == "atelier-worker") return pid;
    }
  }
  return std::nullopt;
}

// While it has a job, where one comes soon.
void Chaos::kill_worker(const std::string& name) {
  const auto end = Clock::now() + kBusyWithin;
  while (Clock::now() < end && !is_busy(name)) std::this_thread::sleep_for(2ms);
  const auto pid = worker(name);
  if (!pid) return;
  journal_.note("kill the " + name + " worker " + std::to_string(*pid));
  ledger_.add(Cause::kWorkerEnd);
  ::kill(*pid, SIGKILL);
}

bool Chaos::is_busy(const std::string& name) {
  const auto status = station_.json("/api/v1/status");
  return std::ranges::any_of(list_at(status, "workers"), [&](const bj::value& each) {
    return text_at(each, "name") == name && text_at(each, "state") == "busy";
  });
}

void Chaos::kill_main_worker() { kill_worker("main"); }
void Chaos::kill_light_worker() { kill_worker("light"); }

// Shorter than any patience of the station: it must not be charged for it.
void Chaos::stop_a_worker_for_a_while() {
  const auto pid = worker(dice_.one_in(2) ? "main" : "light");
  if (!pid) return;
  const auto time = std::chrono::milliseconds(dice_.between(50, 1500));
  journal_.note("stop worker " + std::to_string(*pid) + " for " + std::to_string(time.count()) +
                " ms");
  ::kill(*pid, SIGSTOP);
  std::this_thread::sleep_for(time / 2);
  cancel_one();
  std::this_thread::sleep_for(time / 2);
  ::kill(*pid, SIGCONT);
}

void Chaos::crash_a_worker() {
  journal_.note("crash a worker at its next step");
  journal_.note(station_.crash_at_next_step() ? "one has crashed" : "none has come to it");
}

void Chaos::kill_a_decoder() {
  for (const auto& child : children_of(station_.pid())) {
    if (child.name != "atelier-media") continue;
    journal_.note("kill decoder " + std::to_string(child.pid));
    ledger_.add(Cause::kDecoderEnd);
    ::kill(child.pid, SIGKILL);
    return;
  }
}

void Chaos::kill_the_station() {
  journal_.note("kill the station");
  station_.kill();
  journal_.note("it is up again");
  expect_pauses();
}

void Chaos::restart_the_station() {
  journal_.note("stop the station");
  station_.stop();
  journal_.note("it is up again");
  expect_pauses();
}

// Then only ordinary stops happen until the next action, and no job may have used an attempt.
void Chaos::restart_at_rest() {
  rest();
  for (int i = 0; i < 2 && !failed(); ++i) {
    for (int job = 0; job < 10; ++job) traffic_.submit(dice_, any_job(dice_), 0);
    restart_the_station();
  }
}

void Chaos::flood() {
  journal_.note("flood");
  const int before = traffic_.figures().full;
  traffic_.flood(dice_);
  journal_.note(std::to_string(traffic_.figures().full - before) + " were refused");
}

void Chaos::fill_the_disk() {
  const auto bytes = dice_.one_in(2) ? 0 : dice_.between(0, 60'000);
  journal_.note("leave " + std::to_string(bytes) + " bytes on the disk");
  station_.leave_on_disk(bytes);
  std::this_thread::sleep_for(std::chrono::milliseconds(dice_.between(100, 1500)));
  if (dice_.one_in(4)) kill_the_station();
  station_.free_disk();
  journal_.note("the disk is free");
}

void Chaos::unload() {
  journal_.note("unload");
  took(station_.ask("POST", "/v1/system/unload"), "unloading", {});
}

void Chaos::refresh() {
  journal_.note("refresh the models");
  took(station_.ask("POST", "/api/v1/models/refresh"), "a refresh", {});
}

void Chaos::add_slow_clients() {
  journal_.note("slow clients");
  traffic_.add_slow_clients(dice_);
}

void Chaos::wait_a_moment() {
  std::this_thread::sleep_for(std::chrono::milliseconds(dice_.between(50, 400)));
}

}  // namespace atelier::chaos
