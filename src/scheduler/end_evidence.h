// How a child ended, as a sentence for clients and the log, with the evidence that there is. Pure,
// any thread.
#pragma once

#include <string>
#include <string_view>

#include "platform/child_watch.h"

namespace atelier::scheduler {

// "was killed by signal 6 (Aborted) (its last line: "terminate called …")". `last_line` is what it
// wrote before its end, "" is nothing; folders of this machine are left out of it.
// `memory_ran_out`: the kernel has killed a process for lack of memory while it ran.
std::string describe_end(const platform::ProcessEnd& end, std::string_view last_line,
                         bool memory_ran_out);

}  // namespace atelier::scheduler
