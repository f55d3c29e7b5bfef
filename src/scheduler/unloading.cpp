#include "scheduler/unloading.h"

#include <algorithm>
#include <utility>

namespace atelier::scheduler {

void Unloading::request(Clock::time_point until, bool busy, Done done) {
  if (worker_.state() != Supervisor::State::kReady) return done(Unloaded::kNow);  // holds nothing
  if (busy) {
    done(Unloaded::kAfterJob);
  } else {
    waiting_.push_back({until, std::move(done)});
  }
  if (asked_) return;
  asked_ = true;
  // The worker processes its messages in order: this one after the job that it runs.
  worker_.request(protocol::UnloadRequest{}, {}, [this](const protocol::Message&) {
    return [this] {
      asked_ = false;
      measure_([this] { answer(Unloaded::kNow); });
    };
  });
}

void Unloading::tick(Clock::time_point now) {
  const auto late = std::ranges::stable_partition(
      waiting_, [now](const Waiting& each) { return now < each.until; });
  const std::vector<Waiting> over(late.begin(), late.end());
  waiting_.erase(late.begin(), late.end());
  for (const auto& each : over) each.done(Unloaded::kLater);
}

void Unloading::worker_lost() {
  asked_ = false;
  answer(Unloaded::kNow);
}

void Unloading::answer(Unloaded unloaded) {
  for (const auto& each : std::exchange(waiting_, {})) each.done(unloaded);
}

}  // namespace atelier::scheduler
