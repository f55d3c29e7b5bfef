#include "http/event_mailbox.h"

#include <algorithm>

namespace atelier::http {

void EventMailbox::push(const domain::JobEvent& event) {
  const std::lock_guard lock{mutex_};
  if (events_.size() >= kEventsMax) {
    const auto overtaken = std::ranges::find_if(events_, [](const domain::JobEvent& each) {
      return each.type == "progress" || each.type == "preview";
    });
    events_.erase(overtaken != events_.end() ? overtaken : events_.begin());
  }
  events_.push_back(event);
}

std::optional<domain::JobEvent> EventMailbox::take() {
  const std::lock_guard lock{mutex_};
  if (events_.empty()) return std::nullopt;
  domain::JobEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace atelier::http
