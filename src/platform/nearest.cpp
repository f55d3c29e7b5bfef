#include "platform/nearest.h"

#include <algorithm>
#include <utility>

namespace atelier::platform {
namespace {

constexpr std::size_t kNameBytesMax = 100;  // longer ones get no suggestion
constexpr std::size_t kBeginningMin = 3;    // "neg" may mean "negative_prompt", "n" may not

}  // namespace

// The optimal string alignment of Damerau and Levenshtein; three rows of its table suffice.
std::size_t edit_distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> before(to.size() + 1), last(to.size() + 1), row(to.size() + 1);
  for (std::size_t k = 0; k <= to.size(); ++k) last[k] = k;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    row[0] = i;
    for (std::size_t k = 1; k <= to.size(); ++k) {
      const std::size_t change = last[k - 1] + (from[i - 1] == to[k - 1] ? 0 : 1);
      row[k] = std::min({change, last[k] + 1, row[k - 1] + 1});
      if (i > 1 && k > 1 && from[i - 1] == to[k - 2] && from[i - 2] == to[k - 1]) {
        row[k] = std::min(row[k], before[k - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last.back();
}

std::vector<std::string> near_names(std::string_view name, const std::vector<std::string>& known,
                                    std::size_t count_max) {
  if (name.empty() || name.size() > kNameBytesMax) return {};
  std::vector<std::pair<std::size_t, std::string>> ranked;
  for (const auto& each : known) {
    const std::size_t distance = edit_distance(name, each);
    const bool begins = name.size() >= kBeginningMin && each.starts_with(name);
    if (begins || distance <= std::max<std::size_t>(1, name.size() / 3)) {
      ranked.emplace_back(begins ? std::min<std::size_t>(distance, 1) : distance, each);
    }
  }
  // All names of one character have the distance 1.
  std::erase_if(ranked, [&](const auto& each) { return each.first >= name.size(); });
  std::ranges::stable_sort(ranked, {}, &std::pair<std::size_t, std::string>::first);
  std::vector<std::string> names;
  for (auto& each : ranked) {
    if (names.size() < count_max) names.push_back(std::move(each.second));
  }
  return names;
}

}  // namespace atelier::platform
