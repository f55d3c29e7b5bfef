// Names for jobs and artifacts: ULIDs (github.com/ulid/spec), 26 characters of Crockford's base 32,
// ordered by time, and within one process by order of creation. Thread-safe.
#pragma once

#include <string>

namespace atelier::platform {

std::string new_id();

}  // namespace atelier::platform
