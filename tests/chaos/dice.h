// Random numbers from one seed, the same ones on every machine. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace atelier::chaos {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  int between(int low, int high) {  // both included
    const auto count = static_cast<std::uint64_t>(high - low + 1);
    return low + static_cast<int>(random_() % count);
  }
  bool one_in(int count) { return between(1, count) == 1; }
  template <class T>
  const T& of(const std::vector<T>& list) {
    return list[place_in(list.size())];
  }
  template <class T>
  void shuffle(std::vector<T>& list) {
    for (std::size_t left = list.size(); left > 1; --left) {
      std::swap(list[left - 1], list[place_in(left)]);
    }
  }
  std::uint64_t seed() { return random_(); }  // of other dice

 private:
  std::size_t place_in(std::size_t count) { return static_cast<std::size_t>(random_() % count); }

  std::mt19937_64 random_;
};

}  // namespace atelier::chaos
