#include "scheduler/costs.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "platform/error.h"
#include "platform/log.h"

namespace atelier::scheduler {
namespace {

// The newest measurement of a time counts so much: machines become faster and slower.
constexpr double kNewest = 0.3;

std::string name_of(const card::ModelCard& card) {
  return card.content_hash.empty() ? card.id : card.content_hash;
}

// Half powers of two.
int size_of(const card::Work& work) {
  return static_cast<int>(std::lround(2 * std::log2(std::max(work.pixels, 1.0))));
}

double pixels_of(int size) { return std::exp2(static_cast<double>(size) / 2); }

std::int64_t to_us(double ms) { return std::llround(std::clamp(ms * 1e3, 0.0, 1e15)); }

std::int64_t mixed(std::int64_t before, std::int64_t now) {
  if (before <= 0) return now;
  return std::llround(kNewest * static_cast<double>(now) +
                      (1 - kNewest) * static_cast<double>(before));
}

}  // namespace

Costs::Costs(domain::JobStore& store) : store_(store) {
  for (auto& cost : store_.costs()) {
    const Key key{cost.engine, cost.model, cost.task, cost.size};
    costs_.insert_or_assign(key, std::move(cost));
  }
}

const domain::Cost* Costs::find(const CostEngine& engine, const std::string& model,
                                const std::string& task, int size) const {
  const auto found = costs_.find({engine.name, model, task, size});
  return found == costs_.end() ? nullptr : &found->second;
}

domain::Cost& Costs::change(const CostEngine& engine, const std::string& model,
                            const std::string& task, int size) {
  const Key key{engine.name, model, task, size};
  changed_[key] = true;
  auto& cost = costs_[key];
  cost.engine = engine.name;
  cost.model = model;
  cost.task = task;
  cost.size = size;
  return cost;
}

Costs::Model Costs::model(const CostEngine& engine, const card::ModelCard& card) const {
  if (const auto* cost = find(engine, name_of(card), "", 0)) {
    return {.bytes = cost->bytes, .load_ms = cost->us / 1000, .measured = true};
  }
  return {.bytes =
              std::llround(static_cast<double>(card.memory.weights_bytes) * engine.weights_part)};
}

// From a run of this size; else from the next smaller one, in proportion to the pixels; else from
// the next larger one.
Costs::Run Costs::run(const CostEngine& engine, const card::ModelCard& card,
                      const std::string& task, const card::Work& work) const {
  const int size = size_of(work);
  const auto name = name_of(card);
  const auto first = costs_.lower_bound({engine.name, name, task, 0});
  const domain::Cost* smaller = nullptr;
  const domain::Cost* larger = nullptr;
  for (auto each = first; each != costs_.end(); ++each) {
    const auto& cost = each->second;
    if (cost.engine != engine.name || cost.model != name || cost.task != task) break;
    if (cost.size <= size) smaller = &cost;
    if (cost.size > size && larger == nullptr) larger = &cost;
  }
  Run run;
  const auto* nearest = smaller != nullptr ? smaller : larger;
  const bool same = nearest != nullptr && nearest->size == size;
  double ratio = 1;
  if (smaller != nullptr && !same) ratio = std::max(work.pixels / pixels_of(smaller->size), 1.0);
  if (nearest != nullptr && nearest->bytes > 0) {
    run.peak_bytes = std::llround(static_cast<double>(nearest->bytes) * ratio);
    run.measured = same;
  } else {
    run.peak_bytes = std::llround(card.memory.bytes_per_pixel * work.pixels);
  }
  if (nearest != nullptr) {
    const double of_larger = smaller == nullptr ? work.pixels / pixels_of(larger->size) : ratio;
    run.expected_ms = std::llround(static_cast<double>(nearest->us) / 1e3 * work.steps * of_larger);
  }
  return run;
}

void Costs::add_model(const CostEngine& engine, const card::ModelCard& card, std::int64_t bytes,
                      double load_ms) {
  const auto name = name_of(card);
  const auto* before = find(engine, name, "", 0);
  if (before != nullptr && before->bytes == bytes && load_ms <= 0) return;
  auto& cost = change(engine, name, "", 0);
  cost.bytes = bytes;
  if (load_ms > 0) cost.us = mixed(cost.us, to_us(load_ms));
}

// The largest peak is kept: one that was too small would let a later run exceed the memory.
void Costs::add_run(const CostEngine& engine, const card::ModelCard& card, const std::string& task,
                    const card::Work& work, std::int64_t peak_bytes, double run_ms) {
  auto& cost = change(engine, name_of(card), task, size_of(work));
  cost.bytes = std::max(cost.bytes, peak_bytes);
  cost.us = mixed(cost.us, to_us(run_ms / std::max(work.steps, 1.0)));
}

void Costs::write() {
  if (changed_.empty()) return;
  std::vector<domain::Cost> measured;
  for (const auto& [key, unused] : changed_) measured.push_back(costs_.at(key));
  try {
    store_.keep_costs(measured);
    changed_.clear();
  } catch (const Error& error) {
    platform::log_warning(std::string("what jobs took is not stored yet: ") + error.what());
  }
}

}  // namespace atelier::scheduler
