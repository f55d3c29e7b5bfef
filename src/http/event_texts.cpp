#include "http/event_texts.h"

#include <algorithm>
#include <utility>

namespace atelier::http {
namespace {

std::string written(const domain::JobEvent& event, EventStream::Format format) {
  std::string text;
  if (event.id > 0) text += "id: " + std::to_string(event.id) + "\n";
  text += "event: " + event.type + "\n";
  text += "data: " + format(event) + "\n\n";
  return text;
}

}  // namespace

std::shared_ptr<const std::string> EventTexts::text_of(const scheduler::SharedEvent& event,
                                                       EventStream::Format format) {
  // The newest first: most clients of a job read the same event.
  const auto known = std::find_if(entries_.rbegin(), entries_.rend(), [&](const Entry& entry) {
    return entry.event == event && entry.format == format;
  });
  if (known != entries_.rend()) return known->text;
  const auto bytes_of = [](const Entry& entry) {
    return entry.text->size() + domain::bytes_of(*entry.event);
  };
  auto text = std::make_shared<const std::string>(written(*event, format));
  entries_.push_back({event, format, text});
  bytes_ += bytes_of(entries_.back());
  while (entries_.size() > kTextsMax || bytes_ > kBytesMax) {
    bytes_ -= bytes_of(entries_.front());
    entries_.pop_front();
  }
  return text;
}

}  // namespace atelier::http
