#include "platform/ids.h"

#include <sys/random.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>

#include "platform/check.h"

namespace atelier::platform {
namespace {

constexpr char kCrockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

struct Ulid {
  std::uint64_t milliseconds = 0;  // 48 bits
  std::uint16_t high = 0;          // 80 random bits
  std::uint64_t low = 0;
};

Ulid next_ulid() {
  static std::mutex mutex;
  static Ulid last;
  const auto now =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                     std::chrono::system_clock::now().time_since_epoch())
                                     .count());
  const std::lock_guard lock(mutex);
  if (now > last.milliseconds) {
    last.milliseconds = now;
    std::array<std::uint8_t, 10> random{};
    CHECK(::getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()));
    last.high = static_cast<std::uint16_t>(random[0] << 8 | random[1]);
    last.low = 0;
    for (std::size_t i = 2; i < random.size(); ++i) last.low = last.low << 8 | random[i];
  } else if (++last.low == 0) {  // same millisecond, or the clock went back: count on
    ++last.high;
  }
  return last;
}

}  // namespace

std::string new_id() {
  const Ulid ulid = next_ulid();
  std::string text(26, '0');
  std::uint64_t time = ulid.milliseconds;
  for (std::size_t i = 10; i-- > 0; time >>= 5) text[i] = kCrockford[time & 31U];
  // 80 bits as sixteen groups of five: 16 high bits, then 64 low ones.
  std::uint64_t low = ulid.low;
  std::uint64_t high = ulid.high;
  for (std::size_t i = 26; i-- > 10;) {
    text[i] = kCrockford[low & 31U];
    low = low >> 5 | (high & 31U) << 59;
    high >>= 5;
  }
  return text;
}

}  // namespace atelier::platform
