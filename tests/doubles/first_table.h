// Test data: the statements that make the database of an earlier version, with one job in it.
#pragma once

#include <string_view>

namespace atelier::storage {

// The table as schema versions 1 and 2 had it.
inline constexpr std::string_view kFirstTable = R"(
  CREATE TABLE jobs (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, client TEXT NOT NULL, state TEXT NOT NULL,
    priority INTEGER NOT NULL, attempt INTEGER NOT NULL, created_ms INTEGER NOT NULL,
    started_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL, reason TEXT NOT NULL,
    input TEXT NOT NULL, result TEXT NOT NULL, failure_code TEXT NOT NULL,
    failure_sentence TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX jobs_waiting ON jobs (state, priority DESC, id);
  INSERT INTO jobs VALUES ('01','generate','cli','queued',2,1,1,0,0,'','{}','','','');
)";

}  // namespace atelier::storage
