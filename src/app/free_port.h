// The port to listen on when another program may have the usual one. Main thread, before serving.
#pragma once

#include <string>

namespace atelier::app {

// `port`, or the next of twenty that is free; `port` again when none is (listening then fails with
// the reason).
int next_free_port(const std::string& host, int port);

}  // namespace atelier::app
