#include "journal.h"

#include <algorithm>
#include <cstdio>

namespace atelier::chaos {

double Journal::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

std::string Journal::with_time(const std::string& text) const {
  char time[32];
  std::snprintf(time, sizeof time, "%9.3f s  ", seconds());
  return time + text;
}

void Journal::note(const std::string& action) {
  const std::lock_guard lock(mutex_);
  actions_.push_back(with_time(action));
  if (actions_.size() > kActionsKept) actions_.pop_front();
}

void Journal::violation(const std::string& sentence) {
  const std::lock_guard lock(mutex_);
  if (violations_.size() < kViolationsKept) violations_.push_back(with_time(sentence));
}

bool Journal::failed() const {
  const std::lock_guard lock(mutex_);
  return !violations_.empty();
}

std::string Journal::report(const std::string& log) const {
  const std::lock_guard lock(mutex_);
  std::string text = "seed " + std::to_string(seed_) + " (ATELIER_CHAOS_SEED repeats it)\n";
  text += "violated:\n";
  for (const auto& each : violations_) text += each + "\n";
  text += "the last actions:\n";
  for (const auto& each : actions_) text += each + "\n";
  text += "the end of the station's log:\n";
  text += log.substr(log.size() - std::min(log.size(), kLogBytes));
  return text;
}

}  // namespace atelier::chaos
