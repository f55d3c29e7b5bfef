// What models and runs take: memory and time, as measured on this machine and kept in the job
// store, or estimated where nothing was measured. Scheduler thread. A measurement that cannot be
// stored is logged and stays in memory.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "card/model_card.h"
#include "card/task.h"
#include "domain/jobs/job_store.h"

namespace atelier::scheduler {

// An engine with the number format in which it computes: the same model differs between them.
struct CostEngine {
  std::string name;         // "cpu bf16"
  double weights_part = 1;  // bytes of weights in memory, of those in the file, as an estimate
};

class Costs {
 public:
  struct Model {
    std::int64_t bytes = 0;
    std::int64_t load_ms = 0;  // 0: unknown
    bool measured = false;
  };
  struct Run {
    std::int64_t peak_bytes = 0;   // beside the model
    std::int64_t expected_ms = 0;  // with the model in memory; 0: unknown
    bool measured = false;         // peak_bytes was, for a run of about this size
  };

  explicit Costs(domain::JobStore& store);

  Model model(const CostEngine& engine, const card::ModelCard& card) const;
  Run run(const CostEngine& engine, const card::ModelCard& card, const std::string& task,
          const card::Work& work) const;

  // The model is in memory with so many bytes; `load_ms` > 0: it was just loaded.
  void add_model(const CostEngine& engine, const card::ModelCard& card, std::int64_t bytes,
                 double load_ms);
  // A run has ended. `peak_bytes` 0: not measured. `run_ms` without loading.
  void add_run(const CostEngine& engine, const card::ModelCard& card, const std::string& task,
               const card::Work& work, std::int64_t peak_bytes, double run_ms);
  void write();  // what is new

 private:
  using Key = std::tuple<std::string, std::string, std::string, int>;

  const domain::Cost* find(const CostEngine& engine, const std::string& model,
                           const std::string& task, int size) const;
  domain::Cost& change(const CostEngine& engine, const std::string& model, const std::string& task,
                       int size);

  domain::JobStore& store_;
  std::map<Key, domain::Cost> costs_;
  std::map<Key, bool> changed_;
};

}  // namespace atelier::scheduler
