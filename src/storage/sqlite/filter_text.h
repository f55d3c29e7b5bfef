// A QueueFilter as conditions of a statement. Plain value.
#pragma once

#include <string>

#include "domain/jobs/job_store.h"
#include "storage/sqlite/database.h"

namespace atelier::storage {

class FilterText {
 public:
  // The filter must outlive it.
  explicit FilterText(const domain::QueueFilter& filter) : filter_(filter) {}

  std::string conditions() const {  // each begins with " AND "
    std::string text;
    if (filter_.priority) text += " AND priority = ?";
    if (!filter_.client.empty()) text += " AND client = ?";
    if (!filter_.task.empty()) text += " AND task = ?";
    return text;
  }
  // Their values; `place` is that of the value before, and then of the last one.
  void bind(Statement& statement, int& place) const {
    if (filter_.priority) statement.bind(++place, *filter_.priority);
    if (!filter_.client.empty()) statement.bind(++place, filter_.client);
    if (!filter_.task.empty()) statement.bind(++place, filter_.task);
  }

 private:
  const domain::QueueFilter& filter_;
};

}  // namespace atelier::storage
