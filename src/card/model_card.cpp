#include "card/model_card.h"

#include <algorithm>

namespace atelier::card {

const ServedTask* served(const ModelCard& card, const std::string& task) {
  const auto found = std::ranges::find(card.tasks, task, &ServedTask::task);
  return found == card.tasks.end() ? nullptr : &*found;
}

}  // namespace atelier::card
