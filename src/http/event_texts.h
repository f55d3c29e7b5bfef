// The newest events as text for clients: formatted once for any number of clients of the same job.
// I/O thread only; exceptions of the format function pass through.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>

#include "http/route.h"

namespace atelier::http {

class EventTexts {
 public:
  static constexpr std::size_t kTextsMax = 256;
  static constexpr std::size_t kBytesMax = 4 << 20;

  // With its lines for id, type and data.
  std::shared_ptr<const std::string> text_of(const scheduler::SharedEvent& event,
                                             EventStream::Format format);

 private:
  struct Entry {
    scheduler::SharedEvent event;
    EventStream::Format format;
    std::shared_ptr<const std::string> text;
  };
  std::deque<Entry> entries_;  // oldest first
  std::size_t bytes_ = 0;      // of the texts and the events that they keep alive
};

}  // namespace atelier::http
