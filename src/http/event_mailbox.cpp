#include "http/event_mailbox.h"

#include <algorithm>

namespace atelier::http {

void EventMailbox::push(const scheduler::SharedEvent& event) {
  const std::lock_guard lock{mutex_};
  bytes_ += domain::bytes_of(*event);
  while (!events_.empty() && (events_.size() >= kEventsMax || bytes_ > kBytesMax)) {
    auto overtaken = std::ranges::find_if(events_, [](const scheduler::SharedEvent& each) {
      return each->type == "progress" || each->type == "preview";
    });
    if (overtaken == events_.end()) overtaken = events_.begin();
    bytes_ -= domain::bytes_of(**overtaken);
    events_.erase(overtaken);
  }
  events_.push_back(event);
}

scheduler::SharedEvent EventMailbox::take() {
  const std::lock_guard lock{mutex_};
  if (events_.empty()) return nullptr;
  auto event = std::move(events_.front());
  events_.pop_front();
  bytes_ -= domain::bytes_of(*event);
  return event;
}

}  // namespace atelier::http
