#include "http/event_mailbox.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace atelier::http {
namespace {

bool is_text(const scheduler::SharedEvent& event) { return event->type == domain::kTextEvent; }

// Text is not counted: it is bounded by itself and not dropped.
std::size_t counted_bytes(const scheduler::SharedEvent& event) {
  return domain::bytes_of(*event) - event->text.size();
}

}  // namespace

void EventMailbox::push(const scheduler::SharedEvent& event) {
  const std::lock_guard lock{mutex_};
  if (is_text(event) && event->offset == 0) {  // the text starts again
    std::erase_if(events_, [this](const Waiting& each) {
      if (!is_text(each.event)) return false;
      bytes_ -= counted_bytes(each.event);
      return true;
    });
  }
  bytes_ += counted_bytes(event);
  events_.push_back({event, nullptr});
  if (events_.size() > 1) join_next(std::prev(events_.end(), 2));
  while ((events_.size() > kEventsMax || bytes_ > kBytesMax) && drop_one()) {
  }
}

// Appends the piece behind `place` to the one there. Not across other events: what a reader has
// seen is known by the id of its newest event.
void EventMailbox::join_next(const Place& place) {
  const auto next = std::next(place);
  if (next == events_.end() || !is_text(place->event) || !is_text(next->event)) return;
  if (!place->joined) {
    place->joined = std::make_shared<domain::JobEvent>(*place->event);
    place->event = place->joined;
  }
  place->joined->id = next->event->id;
  place->joined->time_ms = next->event->time_ms;
  place->joined->text += next->event->text;
  bytes_ -= counted_bytes(next->event);
  events_.erase(next);
}

// Neither text nor the newest one. False: there is nothing else.
bool EventMailbox::drop_one() {
  const auto newest = std::prev(events_.end());
  auto dropped = std::find_if(events_.begin(), newest, [](const Waiting& each) {
    return domain::is_superseded(*each.event);
  });
  if (dropped == newest) {
    dropped = std::find_if(events_.begin(), newest,
                           [](const Waiting& each) { return !is_text(each.event); });
  }
  if (dropped == newest) return false;
  bytes_ -= counted_bytes(dropped->event);
  const auto behind = events_.erase(dropped);
  if (behind != events_.begin()) join_next(std::prev(behind));
  return true;
}

scheduler::SharedEvent EventMailbox::take() {
  const std::lock_guard lock{mutex_};
  if (events_.empty()) return nullptr;
  auto event = std::move(events_.front().event);
  events_.pop_front();
  bytes_ -= counted_bytes(event);
  return event;
}

}  // namespace atelier::http
