#include "ledger.h"

#include <algorithm>
#include <string_view>

#include "json_fields.h"

namespace atelier::chaos {
namespace {

constexpr int kAttemptsMax = 2;        // as domain/settings/limits.h has it
constexpr int kStationCrashesMax = 3;  // the same
constexpr int kDecodersMax = 2;        // a picture that ends so many is refused
constexpr std::size_t kRecent = 100;   // jobs among which one that has not ended is looked for
// A job that was cancelled may be shown as waiting for a moment: the page of a job is kept by the
// scheduler's thread.
constexpr std::chrono::seconds kCancelShownWithin{10};

std::size_t place_of(Cause cause) { return static_cast<std::size_t>(cause); }

bool says(const std::string& sentence, std::string_view part) {
  return sentence.find(part) != std::string::npos;
}

bool is_end(const std::string& state) {
  return state == "succeeded" || state == "failed" || state == "cancelled";
}

JobEnd end_of(const bj::value& view) {
  return {.state = text_at(view, "state"),
          .attempt = number_at(view, "attempt"),
          .finished_ms = number_at(view, "finished_ms"),
          .result = bj::serialize(field(view, "result"))};
}

std::string described(const JobEnd& end) {
  return end.state + " (attempt " + std::to_string(end.attempt) + ", at " +
         std::to_string(end.finished_ms) + ") " + end.result.substr(0, 300);
}

}  // namespace

void Ledger::add(Cause cause) {
  const std::lock_guard lock(mutex_);
  ++causes_[place_of(cause)];
}

bool Ledger::since_calm(Cause cause) const {
  const std::lock_guard lock(mutex_);
  return causes_[place_of(cause)] > at_calm_[place_of(cause)];
}

void Ledger::calm(MemoryRunsOut memory) {
  const std::lock_guard lock(mutex_);
  at_calm_ = causes_;
  if (memory == MemoryRunsOut::kYes) --at_calm_[place_of(Cause::kOutOfMemory)];
}

void Ledger::sent(Submission& submission) {
  const std::lock_guard lock(mutex_);
  submission.since = at_calm_;
  ++figures_.sent;
  if (!submission.marker.empty()) ++sent_by_marker_[submission.marker];
}

void Ledger::accepted(const Submission& submission, const bj::value& view) {
  const auto id = text_at(view, "id");
  if (id.empty()) return journal_.violation("a job was accepted without an id");
  const std::lock_guard lock(mutex_);
  if (!submission.key.empty()) {
    const auto [known, is_new] = id_by_key_.try_emplace(submission.key, id);
    if (known->second != id) {
      journal_.violation("the idempotency key " + submission.key +
                         " has two jobs: " + known->second + " and " + id);
    }
    if (!is_new) return;
  }
  auto& job = jobs_[id];
  if (job.accepted) return journal_.violation("two submissions were accepted as job " + id);
  job.id = id;
  job.accepted = true;
  job.submission = submission;
  job.client = text_at(view, "client");
  accepted_.push_back(id);
  ++figures_.accepted;
}

void Ledger::observe(const bj::value& view, Clock::time_point asked) {
  const auto id = text_at(view, "id"), state = text_at(view, "state");
  if (id.empty() || state.empty()) {
    return journal_.violation("a job without id or state: " + bj::serialize(view).substr(0, 500));
  }
  const std::lock_guard lock(mutex_);
  auto& job = jobs_[id];
  job.id = id;
  if (is_end(state)) return end(job, view);
  if (state != "queued" && state != "running") {
    return journal_.violation("job " + id + " has the unknown state " + state);
  }
  if (!job.end || job.end_seen >= asked) return;
  if (job.end->state == "cancelled" && asked - job.end_seen < kCancelShownWithin) {
    ++figures_.shown_late;
    return;
  }
  journal_.violation("job " + id + " is " + state + " and was " + described(*job.end));
}

void Ledger::observe_end(const bj::value& view, std::int64_t event) {
  observe(view, Clock::now());
  const std::lock_guard lock(mutex_);
  auto& job = jobs_[text_at(view, "id")];
  if (!job.end) journal_.violation("job " + job.id + " has its last event and has not ended");
  if (job.end_event != 0 && event > job.end_event) {
    journal_.violation("job " + job.id + " has two last events: " + std::to_string(job.end_event) +
                       " and " + std::to_string(event));
  }
  // A restart may show a smaller one: where another event of the job was published while it was
  // cancelled, the end was published with a greater id than is stored.
  job.end_event = event;
}

void Ledger::end(KnownJob& job, const bj::value& view) {
  auto now = end_of(view);
  if (job.end) {
    if (now == *job.end) return;
    return journal_.violation("job " + job.id + " was " + described(*job.end) + " and is " +
                              described(now));
  }
  job.end = std::move(now);
  job.end_seen = Clock::now();
  figures_.succeeded += job.end->state == "succeeded" ? 1 : 0;
  figures_.failed += job.end->state == "failed" ? 1 : 0;
  figures_.cancelled += job.end->state == "cancelled" ? 1 : 0;
  figures_.repeated += job.end->attempt > 1 ? 1 : 0;
  if (job.end->state == "failed") ++figures_.failures[text_at(field(view, "failure"), "code")];
  if (job.accepted) check_end(job, view);
}

int Ledger::since(const KnownJob& job, Cause cause) const {
  return causes_[place_of(cause)] - job.submission.since[place_of(cause)];
}

void Ledger::check_end(const KnownJob& job, const bj::value& view) {
  const auto& end = *job.end;
  const auto wrong = [&](const std::string& what) {
    journal_.violation("job " + job.id + " " + what + ": " + bj::serialize(view).substr(0, 2000));
  };
  const int worker_ends = since(job, Cause::kWorkerEnd);
  if (end.attempt > kAttemptsMax) return wrong("ran too often");
  if (end.attempt > 1 + worker_ends) return wrong("used an attempt, and no worker was ended");
  if (end.state == "cancelled") {
    if (!job.cancel_asked && since(job, Cause::kCancelMany) == 0) wrong("was not cancelled by any");
    return;
  }
  if (end.state == "succeeded") {
    if (end.attempt < 1) return wrong("succeeded without an attempt");
    const auto& result = field(view, "result");
    if (std::ssize(list_at(result, "artifacts")) != job.submission.pictures) {
      return wrong("has not the expected number of pictures");
    }
    if (list_at(result, "outputs").empty()) wrong("succeeded without outputs");
    return;
  }
  const auto& failure = field(view, "failure");
  const auto code = text_at(failure, "code");
  if (text_at(failure, "sentence").empty()) return wrong("failed without a sentence");
  if (code == "worker_lost") {
    const bool by_workers = end.attempt == kAttemptsMax && worker_ends >= kAttemptsMax;
    const bool by_station = since(job, Cause::kStationCrash) >= kStationCrashesMax;
    if (!by_workers && !by_station) wrong("failed without enough ends of a worker");
    return;
  }
  if (code == "out_of_memory") {
    if (since(job, Cause::kOutOfMemory) == 0) wrong("failed although memory did not run out");
    return;
  }
  const auto sentence = text_at(failure, "sentence");
  const bool by_disk = since(job, Cause::kFullDisk) > 0 && says(sentence, "free some");
  const bool by_decoders = since(job, Cause::kDecoderEnd) >= kDecodersMax &&
                           (says(sentence, "picture") || says(sentence, "decoder"));
  if (!by_disk && !by_decoders) wrong("failed without a cause");
}

void Ledger::cancel_asked(const std::string& id) {
  const std::lock_guard lock(mutex_);
  jobs_[id].cancel_asked = true;
}

void Ledger::priority_set(const std::string& id, std::optional<std::int64_t> priority) {
  const std::lock_guard lock(mutex_);
  jobs_[id].priority = priority;
}

std::optional<KnownJob> Ledger::any(Which which, Dice& dice) const {
  const std::lock_guard lock(mutex_);
  const auto count = accepted_.size();
  const auto span = which == Which::kNotEnded ? std::min(count, kRecent) : count;
  for (int i = 0; span > 0 && i < 30; ++i) {
    const auto back = static_cast<std::size_t>(dice.between(1, static_cast<int>(span)));
    const auto& job = jobs_.at(accepted_[count - back]);
    const bool succeeded = job.end && job.end->state == "succeeded";
    if (which == Which::kNotEnded && job.end) continue;
    if (which == Which::kSucceeded && !succeeded) continue;
    return job;
  }
  return std::nullopt;
}

std::optional<KnownJob> Ledger::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return std::nullopt;
  return found->second;
}

std::vector<KnownJob> Ledger::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<KnownJob> all;
  all.reserve(jobs_.size());
  for (const auto& [id, job] : jobs_) all.push_back(job);
  return all;
}

std::map<std::string, int> Ledger::sent_by_marker() const {
  const std::lock_guard lock(mutex_);
  return sent_by_marker_;
}

Ledger::Figures Ledger::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

}  // namespace atelier::chaos
