// Admits long requests as long as their memory together is within the limit; the others wait in
// order, with their bodies on disk. I/O thread only. Never fails.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>

namespace atelier::http {

class MemoryGate {
 public:
  explicit MemoryGate(std::size_t bytes) : free_(bytes), bytes_(bytes) {}
  MemoryGate(const MemoryGate&) = delete;
  MemoryGate& operator=(const MemoryGate&) = delete;

  // A place inside, or in the queue for it, until it goes out of scope. A request for more than the
  // limit gets all of it.
  class Place {
   public:
    Place(MemoryGate& gate, std::size_t bytes, std::function<void()> wake);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    bool inside() const { return inside_; }

   private:
    friend class MemoryGate;
    MemoryGate& gate_;
    std::size_t bytes_;
    std::function<void()> wake_;
    bool inside_ = false;
  };

 private:
  void let_in();

  std::size_t free_, bytes_;
  std::deque<Place*> queue_;
};

}  // namespace atelier::http
