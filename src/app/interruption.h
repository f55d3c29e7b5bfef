// Ctrl-C and SIGTERM, to poll or to wait for. The signals are blocked in every thread from the
// start of main() and read here only; children are started with the original mask.
#pragma once

#include <chrono>

namespace atelier::app {

void block_interruptions();  // first thing in main(), before any thread
// True once a signal has come; waits for it at most so long.
bool wait_for_interruption(std::chrono::milliseconds at_most);
// The same for the next signal, also after one has come.
bool wait_for_next_interruption(std::chrono::milliseconds at_most);
inline bool interrupted() { return wait_for_interruption(std::chrono::milliseconds(0)); }

}  // namespace atelier::app
