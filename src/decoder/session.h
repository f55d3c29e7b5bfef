// The decoder's loop: answers one request after the other until the socket closes. One thread. A
// picture that cannot be read is a failure reply; one that crashes the process ends it, and the
// station starts another.
#pragma once

#include <string>
#include <vector>

#include "protocol/channel.h"
#include "protocol/messages.h"

namespace atelier::decoder {

struct SessionOptions {
  // Measures in force, for the hello. Without "seccomp" every request is refused with a sentence.
  std::vector<std::string> sandbox;
  std::string crash_on;  // tests: a file that holds these bytes aborts the process
  int cpu_seconds = 60;  // of one request
};

// Until the station closes the socket; throws kCorruptData or kTooLarge for a malformed message.
void serve(protocol::Channel& channel, const SessionOptions& options);

}  // namespace atelier::decoder
