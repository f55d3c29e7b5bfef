// The decoder's start: into the sandbox, with everything loaded that its libraries load late.
// Called by main (and by tests, which then do what a hostile picture would). Throws Error when the
// codecs do not start or do not work inside the sandbox.
#pragma once

#include <string>
#include <vector>

namespace atelier::decoder {

// The measures in force, see enter_sandbox().
std::vector<std::string> start_in_sandbox();

}  // namespace atelier::decoder
