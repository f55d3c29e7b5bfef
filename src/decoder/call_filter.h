// The system calls that a decoder may still make once it reads untrusted bytes: memory, threads,
// time, its socket and its standard error. Everything else fails, on every thread. Called by
// sandbox.cpp, once, by any thread.
#pragma once

namespace atelier::decoder {

// Loads the filter on every thread of the process and on those to come. False, and nothing is
// filtered, when the system has no seccomp or one thread cannot take the filter.
bool filter_calls();

}  // namespace atelier::decoder
