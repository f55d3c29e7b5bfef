// An observer that suspends a run at chosen questions. Test code.
#pragma once

#include <functional>
#include <set>
#include <vector>

#include "engine/interface.h"

namespace atelier::golden {

class SuspendingObserver final : public engine::JobObserver {
 public:
  void on_progress(const card::Progress& progress) override { progresses.push_back(progress); }
  void on_preview(const media::Image& preview) override { previews.push_back(preview.pixels); }
  bool cancelled() override { return cancel; }
  // Counts the questions from 1; the `at`th ones suspend, and those at which `wanted` is true.
  bool suspend_asked() override {
    asked = asked || at.contains(++questions) || (wanted && wanted());
    return asked;
  }
  void wait_while_suspended(int kept) override {
    steps.push_back(kept);
    asked = false;
    if (meanwhile) meanwhile();
  }

  std::set<int> at;
  std::function<bool()> wanted = {};
  std::function<void()> meanwhile;  // while it is suspended
  bool asked = false, cancel = false;
  int questions = 0;
  std::vector<int> steps;  // that were kept, of each suspension
  std::vector<card::Progress> progresses;
  std::vector<std::vector<std::uint8_t>> previews;
};

// `count` questions spread over `questions`, the first and the last of them included.
inline std::set<int> spread(int questions, int count) {
  std::set<int> chosen{1, questions};
  for (int i = 1; i < count; ++i) chosen.insert(1 + i * questions / count);
  return chosen;
}

}  // namespace atelier::golden
