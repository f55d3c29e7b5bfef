// The tables and indexes of the database, and how those of earlier versions become the present
// ones.
#pragma once

#include "storage/sqlite/database.h"

namespace atelier::storage {

// Creates the tables or brings older ones up to date, in one transaction; commits of this
// connection reach the disk. A file written by a newer version is refused (kUnsupported).
void bring_up_to_date(Database& database);

}  // namespace atelier::storage
