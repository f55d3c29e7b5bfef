#include "engine/pipelines/suspension.h"

#include <chrono>

#include "engine/pipelines/elapsed.h"
#include "engine/tensor/poll.h"
#include "platform/check.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

// Leaves a part; seen by nothing but done_without_suspension().
struct PartLeft {};

}  // namespace

void Suspension::check() const {
  if (observer_.cancelled()) throw Error(ErrorCode::kCancelled, "the job was cancelled");
  if (in_part_ && observer_.suspend_asked()) throw PartLeft{};
}

void Suspension::whole(int steps, const std::function<void()>& part) {
  while (!done_without_suspension(part)) wait(steps);
}

bool Suspension::done_without_suspension(const std::function<void()>& part) {
  CHECK(!in_part_);
  struct InPart {
    explicit InPart(bool& place) : flag(place) { flag = true; }
    ~InPart() { flag = false; }
    InPart(const InPart&) = delete;
    InPart& operator=(const InPart&) = delete;
    bool& flag;
  };
  try {
    const InPart inside(in_part_);
    const PollScope polled([this] { check(); });
    part();
    return true;
  } catch (const PartLeft&) {
    return false;
  }
}

void Suspension::wait(int steps) {
  const auto start = std::chrono::steady_clock::now();
  observer_.wait_while_suspended(steps);
  waited_ms_ += milliseconds_since(start);
  check();
}

}  // namespace atelier::engine
