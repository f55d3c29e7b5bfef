// The models in the memory of one worker: what it last reported, and what the plan needs beside
// that. Scheduler thread. Times are milliseconds of the plan's clock.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/messages.h"
#include "scheduler/plan.h"

namespace atelier::scheduler {

class Residents {
 public:
  // The worker's report: models that it does not name have left its memory.
  void report(const std::vector<protocol::ResidentModel>& models, std::int64_t now_ms);
  void clear() { models_.clear(); }

  // A job that used it has ended.
  void used(const std::string& id, bool unload_after_use, std::int64_t now_ms);
  void evicting(const std::string& id, std::int64_t now_ms);

  std::vector<ResidentModel> view(const std::set<std::string>& busy,
                                  const std::set<std::string>& pinned,
                                  std::optional<std::int64_t> keep_ms) const;
  bool contains(const std::string& id) const { return models_.contains(id); }
  std::int64_t bytes() const;

 private:
  struct Entry {
    std::int64_t bytes = 0, last_used_ms = 0;
    bool unload_after_use = false;
    std::optional<std::int64_t> evicting_since_ms = {};
  };
  std::map<std::string, Entry> models_;
};

}  // namespace atelier::scheduler
