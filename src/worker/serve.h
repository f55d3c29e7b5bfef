// The worker's work: answers the station over one socket until it closes.
// Threads: a reader takes frames and cancellations; requests run one after another on the calling
// thread.
#pragma once

#include <functional>
#include <string>

#include "protocol/channel.h"
#include "worker/engine_library.h"

namespace atelier::worker {

// Makes the engine; called after hello has arrived, so that its failure can be told.
using EngineMaker = std::function<EnginePointer()>;

// Returns the exit status: 0 when the station closed the socket, 1 when no engine could be made or
// the versions differ, 2 when the device has failed and this process must not serve on.
int serve(protocol::Channel& channel, const std::string& engine_name,
          const EngineMaker& make_engine);

}  // namespace atelier::worker
