#include "traffic.h"

#include <algorithm>
#include <string>
#include <utility>

#include "event_reader.h"
#include "json_fields.h"
#include "picture_bytes.h"
#include "whole_png.h"

namespace atelier::chaos {
namespace {

using namespace std::chrono_literals;

constexpr int kSubmitters = 3, kFollowers = 3;
constexpr int kFloodClients = 6, kFloodJobs = 50;  // of each client
constexpr std::size_t kSlowClientsMax = 60;        // far below the station's connections
constexpr auto kHealthWithin = 15s;

std::string new_key() {
  static std::atomic<int> count = 0;
  return "chaos-" + std::to_string(++count);
}

std::string fields_of(int client) { return "User-Agent: chaos-" + std::to_string(client) + "\r\n"; }

}  // namespace

Traffic::Operation::Operation(Traffic& traffic) : traffic_(traffic) {
  std::unique_lock lock(traffic_.gate_mutex_);
  traffic_.gate_.wait(lock, [&] { return !traffic_.halted_; });
  ++traffic_.inside_;
}

Traffic::Operation::~Operation() {
  const std::lock_guard lock(traffic_.gate_mutex_);
  --traffic_.inside_;
  traffic_.gate_.notify_all();
}

void Traffic::halt() {
  std::unique_lock lock(gate_mutex_);
  halted_ = true;
  gate_.wait(lock, [&] { return inside_ == 0; });
}

void Traffic::go_on() {
  const std::lock_guard lock(gate_mutex_);
  halted_ = false;
  gate_.notify_all();
}

Traffic::Traffic(StationLife& station, Ledger& ledger, Journal& journal, Dice& dice)
    : station_(station), ledger_(ledger), journal_(journal) {
  for (int i = 0; i < kSubmitters; ++i) start(&Traffic::submit_jobs, i, dice);
  for (int i = 0; i < kFollowers; ++i) start(&Traffic::follow_jobs, i, dice);
  start(&Traffic::read_pages, 0, dice);
  start(&Traffic::drip, 0, dice);
  start(&Traffic::watch_health, 0, dice);
}

Traffic::~Traffic() {
  over_ = true;
  go_on();
  for (auto& thread : threads_) thread.join();
}

void Traffic::start(void (Traffic::*work)(Dice&, int), int number, Dice& dice) {
  threads_.emplace_back([this, work, number, own = Dice(dice.seed())]() mutable {
    while (!over_) {
      if (!station_.is_up()) {
        std::this_thread::sleep_for(20ms);
        continue;
      }
      (this->*work)(own, number);
    }
  });
}

void Traffic::submit_jobs(Dice& dice, int number) {
  {
    const Operation operation(*this);
    if (over_) return;
    if (dice.one_in(12)) {
      call_and_leave(dice);
    } else {
      submit(dice, dice.one_in(20) ? any_invalid_job(dice) : any_job(dice), number);
    }
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(dice.between(5, 120)));
}

void Traffic::submit(Dice& dice, const JobRequest& request, int client) {
  auto submission = request.submission;
  auto fields = fields_of(client);
  if (station_.takes_keys() && dice.one_in(3)) {
    submission.key = new_key();
    fields += "Idempotency-Key: " + submission.key + "\r\n";
  }
  ledger_.sent(submission);
  // With a key it is sent again where no reply came, and sometimes where one did: one job.
  for (int again = submission.key.empty() ? 0 : dice.between(1, 3); again >= 0; --again) {
    const auto answer = station_.ask("POST", "/api/v1/jobs", request.body, fields);
    if (answer.reply.status == 202 && request.refused_with == 202) {
      note_accepted(dice, submission, answer);
      if (!dice.one_in(3)) return;
    } else if (answer.reply.status != 0) {
      if (answer.owed) check_refusal(request, answer);
      return;
    }
  }
}

void Traffic::note_accepted(Dice& dice, const Submission& submission, const Answer& answer) {
  const auto view = parsed(answer.reply.body);
  ledger_.accepted(submission, view);
  ledger_.observe(view, {});
  if (!dice.one_in(10)) return;
  if (const auto job = ledger_.find(text_at(view, "id"))) look_at(*job);
}

void Traffic::check_refusal(const JobRequest& request, const Answer& answer) {
  const auto& reply = answer.reply;
  if (reply.status == 429) {
    ++full_;
    if (reply.header("retry-after").empty() ||
        reply.body.find("Queue is full") == std::string::npos) {
      journal_.violation("a full queue is reported as " + reply.body);
    }
    return;
  }
  if (reply.status == request.refused_with || reply.status >= 500 || reply.status == 0) return;
  // A picture that ends two decoders is refused.
  if (reply.status == 422 && ledger_.since_calm(Cause::kDecoderEnd)) return;
  journal_.violation("a submission got " + std::to_string(reply.status) + ": " + reply.body +
                     "; it was " + request.body.substr(0, 300));
}

// Some wait for the outcome, some leave before it. Never for long: the priority may be paused.
void Traffic::call_and_leave(Dice& dice) {
  const auto call = any_call(dice);
  Submission submission{.task = "call"};
  ledger_.sent(submission);
  const int generation = station_.generation();
  http::RawClient client{station_.port()};
  client.patience = std::chrono::milliseconds(dice.one_in(2) ? 1500 : dice.between(0, 40));
  client.request("POST", call.path, call.body);
  const auto reply = client.reply();
  if (reply.status < 500 || generation != station_.generation()) return;
  const bool excused =
      ledger_.since_calm(Cause::kWorkerEnd) || ledger_.since_calm(Cause::kFullDisk) ||
      ledger_.since_calm(Cause::kOutOfMemory) || ledger_.since_calm(Cause::kDecoderEnd);
  if (!excused) {
    journal_.violation(call.path + " got " + std::to_string(reply.status) + ": " + reply.body);
  }
}

void Traffic::flood(Dice& dice) {
  std::vector<std::thread> clients;
  for (int i = 0; i < kFloodClients; ++i) {
    clients.emplace_back([this, i, own = Dice(dice.seed())]() mutable {
      for (int job = 0; job < kFloodJobs && station_.is_up(); ++job) {
        submit(own, any_job(own), kSubmitters + i);
      }
    });
  }
  for (auto& client : clients) client.join();
}

void Traffic::follow_jobs(Dice& dice, int) {
  const auto job = ledger_.any(Ledger::Which::kNotEnded, dice);
  if (!job) return std::this_thread::sleep_for(30ms);
  const auto end = Clock::now() + std::chrono::seconds(dice.between(1, 20));
  EventReader reader(station_, ledger_, journal_, job->id);
  reader.follow(dice, [&] { return over_ || Clock::now() > end; });
  const auto known = ledger_.find(job->id);
  if (known && known->end_event != 0) ++followed_;
}

void Traffic::list(const std::string& query) {
  const auto asked = Clock::now();
  const auto jobs = station_.json("/api/v1/jobs" + query);
  for (const auto& view : list_at(jobs, "jobs")) ledger_.observe(view, asked);
}

void Traffic::look_at(const KnownJob& job) {
  const auto asked = Clock::now();
  const auto answer = station_.ask("GET", "/api/v1/jobs/" + job.id);
  if (!answer.owed) return;
  if (answer.reply.status != 200) {
    if (answer.reply.status < 500) {
      journal_.violation("the accepted job " + job.id + " got " +
                         std::to_string(answer.reply.status) + ": " + answer.reply.body);
    }
    return;
  }
  const auto view = parsed(answer.reply.body);
  ledger_.observe(view, asked);
  if (text_at(view, "state") == "succeeded") check_pictures(job, view);
}

void Traffic::check_pictures(const KnownJob& job, const bj::value& view) {
  for (const auto& artifact : list_at(field(view, "result"), "artifacts")) {
    const std::string id{artifact.as_string()};
    const auto answer = station_.ask("GET", "/api/v1/artifacts/" + id);
    if (!answer.owed || answer.reply.status == 0) continue;
    const auto& reply = answer.reply;
    const auto size = api::png_size(reply.body);
    const auto& expected = job.submission;
    const bool right =
        expected.width == 0 || (size.width == expected.width && size.height == expected.height);
    ++pictures_;
    if (reply.status == 200 && right && is_whole_png(reply.body)) continue;
    journal_.violation("the picture " + id + " of job " + job.id + " is not whole: status " +
                       std::to_string(reply.status) + ", " + std::to_string(reply.body.size()) +
                       " bytes, " + std::to_string(size.width) + "x" + std::to_string(size.height));
  }
}

void Traffic::read_a_page(Dice& dice) {
  static const std::vector<std::string> kPages{
      "/api/v1/status",   "/api/v1/queue", "/api/v1/models",
      "/api/v1/tasks",    "/metrics",      "/v1/stats",
      "/v1/models",       "/openapi.json", "/",
      "/api/v1/samplers", "/docs",         "/v1/samplers"};
  station_.ask("GET", dice.of(kPages));
}

void Traffic::read_pages(Dice& dice, int) {
  switch (dice.between(1, 6)) {
    case 1:
      read_a_page(dice);
      break;
    case 2:
      list(dice.one_in(2) ? "?limit=500" : "?state=queued,running&limit=200");
      break;
    case 3:
      if (const auto job = ledger_.any(Ledger::Which::kSucceeded, dice)) look_at(*job);
      break;
    case 4:
      if (const auto job = ledger_.any(Ledger::Which::kNotEnded, dice)) look_at(*job);
      break;
    default:
      if (const auto job = ledger_.any(Ledger::Which::kAny, dice)) look_at(*job);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(dice.between(5, 60)));
}

void Traffic::watch_health(Dice&, int) {
  const auto answer = station_.ask("GET", "/health");
  if (answer.owed) {
    health_ms_max_ = std::max<long>(health_ms_max_, answer.took.count());
    if (answer.reply.status != 200 || answer.took > kHealthWithin) {
      journal_.violation("/health got " + std::to_string(answer.reply.status) + " after " +
                         std::to_string(answer.took.count()) + " ms");
    }
  }
  std::this_thread::sleep_for(200ms);
}

void Traffic::add_slow_clients(Dice& dice) {
  const std::lock_guard lock(slow_mutex_);
  for (int i = dice.between(2, 12); i > 0 && slow_.size() < kSlowClientsMax; --i) {
    auto client = std::make_unique<http::RawClient>(station_.port());
    const int kind = dice.between(1, 4);
    if (kind == 1) client->request("GET", "/api/v1/jobs?limit=500");
    if (kind == 2) client->send("GET /health HTTP/1.1\r\nHost: localhost\r\nA: ");
    if (kind == 3) {
      client->send(
          "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{");
    }
    const auto job = ledger_.any(Ledger::Which::kNotEnded, dice);
    if (kind == 4 && job) client->request("GET", "/api/v1/jobs/" + job->id + "/events");
    slow_.push_back({std::move(client), kind == 2 || kind == 3,
                     Clock::now() + std::chrono::seconds(dice.between(1, 40))});
  }
}

void Traffic::drop_slow_clients() {
  const std::lock_guard lock(slow_mutex_);
  slow_.clear();
}

// A byte a second of each.
void Traffic::drip(Dice&, int) {
  {
    const std::lock_guard lock(slow_mutex_);
    std::erase_if(slow_, [](const SlowClient& each) { return Clock::now() > each.until; });
    for (auto& each : slow_) {
      if (each.sends) each.client->send("x");
    }
  }
  std::this_thread::sleep_for(1s);
}

Traffic::Figures Traffic::figures() const { return {full_, followed_, pictures_, health_ms_max_}; }

}  // namespace atelier::chaos
