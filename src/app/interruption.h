// Ctrl-C and SIGTERM as something to ask or to wait for. Blocked in every thread from the start of
// main(), so that only this sees them; children get their own mask back when they are started.
#pragma once

#include <chrono>

namespace atelier::app {

void block_interruptions();  // first thing in main(), before any thread
// True once a signal has come; waits for it at most so long.
bool wait_for_interruption(std::chrono::milliseconds at_most);
inline bool interrupted() { return wait_for_interruption(std::chrono::milliseconds(0)); }

}  // namespace atelier::app
