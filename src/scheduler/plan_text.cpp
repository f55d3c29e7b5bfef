#include "scheduler/plan_text.h"

#include <array>
#include <cstdio>

namespace atelier::scheduler {
namespace {

std::string megabytes(std::int64_t bytes) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.0f MB", static_cast<double>(bytes) / 1e6);
  return text.data();
}

std::string seconds(std::int64_t ms) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(ms) / 1e3);
  return text.data();
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string expected(const Wait& wait) {
  return wait.expected_ms ? "; expected in " + seconds(*wait.expected_ms) : "";
}

std::string holders(const std::vector<std::string>& models) {
  return models.empty() ? "" : "; in use: " + listed(models);
}

}  // namespace

std::string_view reason_name(Wait::Reason reason) {
  switch (reason) {
    case Wait::Reason::kPaused:
      return "paused";
    case Wait::Reason::kNoWorker:
      return "no_worker";
    case Wait::Reason::kStarting:
      return "worker_starting";
    case Wait::Reason::kPlace:
      return "place";
    case Wait::Reason::kClientTurn:
      return "client_turn";
    case Wait::Reason::kBetterPlace:
      return "better_place";
    case Wait::Reason::kYield:
      return "yield";
    case Wait::Reason::kMemory:
      return "memory";
    case Wait::Reason::kFamily:
      return "family";
    case Wait::Reason::kEviction:
      return "eviction";
    case Wait::Reason::kLoading:
      return "loading";
    case Wait::Reason::kAffinity:
      return "affinity";
  }
  return "";
}

std::string_view reason_name(Refusal::Reason reason) {
  switch (reason) {
    case Refusal::Reason::kTask:
      return "task";
    case Refusal::Reason::kBudget:
      return "budget";
    case Refusal::Reason::kMode:
      return "mode";
  }
  return "";
}

std::string_view reason_name(Eviction::Reason reason) {
  switch (reason) {
    case Eviction::Reason::kRoom:
      return "room";
    case Eviction::Reason::kFamily:
      return "family";
    case Eviction::Reason::kAfterUse:
      return "after_use";
    case Eviction::Reason::kExpired:
      return "expired";
  }
  return "";
}

std::string_view reason_name(Assignment::Reason reason) {
  switch (reason) {
    case Assignment::Reason::kOrder:
      return "order";
    case Assignment::Reason::kAged:
      return "aged";
    case Assignment::Reason::kAffinity:
      return "affinity";
    case Assignment::Reason::kBatch:
      return "batch";
  }
  return "";
}

std::string_view mode_name(MemoryMode mode) {
  switch (mode) {
    case MemoryMode::kLow:
      return "low";
    case MemoryMode::kBalanced:
      return "balanced";
    case MemoryMode::kHigh:
      return "high";
  }
  return "";
}

std::optional<MemoryMode> memory_mode_named(std::string_view name) {
  for (const auto mode : {MemoryMode::kLow, MemoryMode::kBalanced, MemoryMode::kHigh}) {
    if (name == mode_name(mode)) return mode;
  }
  return std::nullopt;
}

std::string describe(const Wait& wait) {
  switch (wait.reason) {
    case Wait::Reason::kPaused:
      return "priority " + std::to_string(wait.priority) +
             " is paused: the job starts after it is resumed";
    case Wait::Reason::kNoWorker:
      return "no worker is running";
    case Wait::Reason::kStarting:
      return "worker '" + wait.worker + "' is not ready yet";
    case Wait::Reason::kPlace:
      return "no place is free on worker '" + wait.worker + "'" + expected(wait);
    case Wait::Reason::kClientTurn:
      return "no place is free, and it is the turn of client '" + wait.client + "' with job " +
             wait.job_ahead + expected(wait);
    case Wait::Reason::kBetterPlace:
      return "it is expected to end earlier on worker '" + wait.worker +
             "', where no place is free, than where one is" + expected(wait);
    case Wait::Reason::kYield:
      return "job " + wait.job_ahead + " on worker '" + wait.worker +
             "' has been requested to yield";
    case Wait::Reason::kMemory:
      return "it needs " + megabytes(wait.bytes_needed) + " on worker '" + wait.worker + "', " +
             megabytes(wait.bytes_free) + " are free" + holders(wait.models) + expected(wait);
    case Wait::Reason::kFamily:
      return "in the mode low, models of one family are in memory at a time" +
             (wait.job_ahead.empty() ? holders(wait.models)
                                     : ", and job " + wait.job_ahead + " of another is before it") +
             expected(wait);
    case Wait::Reason::kEviction:
      return "it needs " + megabytes(wait.bytes_needed) + " on worker '" + wait.worker + "', " +
             megabytes(wait.bytes_free) + " are free; being evicted: " + listed(wait.models);
    case Wait::Reason::kLoading:
      return "its model " + listed(wait.models) + " is being loaded on worker '" + wait.worker +
             "'" + expected(wait);
    case Wait::Reason::kAffinity:
      return "job " + wait.job_ahead + " was started first because its model is resident" +
             expected(wait);
  }
  return "";
}

std::string describe(const Refusal& refusal) {
  const auto numbers = "the job needs " + megabytes(refusal.bytes_needed) + " of memory, and ";
  switch (refusal.reason) {
    case Refusal::Reason::kTask:
      return "the task of this job is not run by any worker of this station: look at the tasks in "
             "its status";
    case Refusal::Reason::kBudget:
      return numbers + megabytes(refusal.bytes_free) + " are the whole budget of worker '" +
             refusal.worker + "': take a smaller model or size, or raise the budget";
    case Refusal::Reason::kMode:
      return numbers + megabytes(refusal.bytes_free) + " are left on worker '" + refusal.worker +
             "' beside the resident models (" + listed(refusal.models) +
             "), which stay in the mode high: unload one, or send the job with the mode balanced";
  }
  return "";
}

std::string describe(const Eviction& eviction) {
  const auto what = "model " + eviction.model + " (" + megabytes(eviction.bytes) + ", idle for " +
                    seconds(eviction.idle_ms) + ") is evicted from worker '" + eviction.worker +
                    "'";
  switch (eviction.reason) {
    case Eviction::Reason::kRoom:
      return what + " to make room for job " + eviction.job;
    case Eviction::Reason::kFamily:
      return what + " because job " + eviction.job + " in the mode low needs another family";
    case Eviction::Reason::kAfterUse:
      return what + " after use, in the mode low";
    case Eviction::Reason::kExpired:
      return what + " because its keep-alive time has passed";
  }
  return "";
}

std::string describe(const Assignment& assignment) {
  const auto what = "job " + assignment.job + " starts on worker '" + assignment.worker + "'";
  switch (assignment.reason) {
    case Assignment::Reason::kOrder:
      return what + " in the order of the queue";
    case Assignment::Reason::kAged:
      return what + " because it has waited for long";
    case Assignment::Reason::kAffinity:
      return what + " because its model is resident there";
    case Assignment::Reason::kBatch:
      return what + " in one call with job " + assignment.batch;
  }
  return "";
}

std::string describe(const Load& load) {
  return "model " + load.model + " (" + megabytes(load.bytes) + ") is loaded on worker '" +
         load.worker + "' for job " + load.job;
}

std::string describe(const Preemption& preemption) {
  return "job " + preemption.job + " yields on worker '" + preemption.worker + "' to job " +
         preemption.waiting;
}

const Wait* next_admission(const Plan& plan) {
  for (const auto& wait : plan.waits) {
    if (wait.reason != Wait::Reason::kPaused) return &wait;
  }
  return nullptr;
}

}  // namespace atelier::scheduler
