#include "http/memory_gate.h"

#include <algorithm>
#include <utility>

namespace atelier::http {

MemoryGate::Place::Place(MemoryGate& gate, std::size_t bytes, std::function<void()> wake)
    : gate_(gate), bytes_(std::min(bytes, gate.bytes_)), wake_(std::move(wake)) {
  gate_.queue_.push_back(this);
  gate_.let_in();
}

MemoryGate::Place::~Place() {
  if (inside_) gate_.free_ += bytes_;
  std::erase(gate_.queue_, this);
  gate_.let_in();
}

// In order, so that a long request does not starve.
void MemoryGate::let_in() {
  while (!queue_.empty() && queue_.front()->bytes_ <= free_) {
    Place* const place = queue_.front();
    queue_.pop_front();
    free_ -= place->bytes_;
    place->inside_ = true;
    place->wake_();
  }
}

}  // namespace atelier::http
