#include "http/wrong_keys.h"

#include <algorithm>
#include <bit>

#include "http/authority.h"

namespace atelier::http {
namespace {

constexpr std::size_t kWaitingMax =
    8;  // a page that loads with an old key sends a few requests at once
constexpr std::chrono::milliseconds kDelayMin{250};
constexpr std::chrono::milliseconds kDelayMax{4'000};  // with kWaitingMax: two guesses a second
constexpr std::chrono::minutes kMemory{10};
constexpr std::size_t kAddressesMax = 1024;  // some 100 KB
constexpr std::size_t kEachLogged = 4;       // then the 8th, the 16th, …

std::chrono::milliseconds delay_of(std::size_t wrong) {
  const std::size_t doublings = std::min<std::size_t>(wrong - 1, 10);
  return std::min(kDelayMax, kDelayMin * (1 << doublings));
}

}  // namespace

WrongKeys::Guesser* WrongKeys::find(const std::string& name, Clock::time_point now) {
  const auto found = guessers_.find(name);
  if (found == guessers_.end()) return nullptr;
  Guesser& guesser = found->second;
  std::erase_if(guesser.waiting, [&](const auto& due) { return due <= now; });
  if (now - guesser.last < kMemory) return &guesser;
  guessers_.erase(found);
  return nullptr;
}

bool WrongKeys::may_try(std::string_view address, Clock::time_point now) {
  const Guesser* guesser = find(client_network(address), now);
  return guesser == nullptr || guesser->waiting.size() < kWaitingMax;
}

void WrongKeys::make_room() {
  if (guessers_.size() < kAddressesMax) return;
  guessers_.erase(
      std::ranges::min_element(guessers_, {}, [](const auto& each) { return each.second.last; }));
}

WrongKeys::Verdict WrongKeys::count(std::string_view address, Clock::time_point now) {
  const std::string name = client_network(address);
  Guesser* guesser = find(name, now);
  if (guesser == nullptr) {
    make_room();
    guesser = &guessers_[name];
  }
  ++guesser->wrong;
  guesser->last = now;
  Verdict verdict{delay_of(guesser->wrong), {}};
  guesser->waiting.push_back(now + verdict.delay);
  if (guesser->wrong <= kEachLogged || std::has_single_bit(guesser->wrong)) {
    verdict.line = "a wrong key came from " + name + " (" + std::to_string(guesser->wrong) +
                   " so far): replies to that address are delayed";
  }
  return verdict;
}

}  // namespace atelier::http
