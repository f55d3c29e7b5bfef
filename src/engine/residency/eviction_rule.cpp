#include "engine/residency/eviction_rule.h"

namespace atelier::engine {

std::vector<ModelForm> least_recently_used(const ResidencyReport& report, std::int64_t bytes,
                                           std::int64_t bytes_max) {
  std::vector<ModelForm> evicted;
  std::int64_t staying = report.bytes;
  for (auto model = report.models.rbegin(); model != report.models.rend(); ++model) {
    if (staying + bytes <= bytes_max) break;
    evicted.push_back(model->form);
    staying -= model->bytes;
  }
  return evicted;
}

}  // namespace atelier::engine
