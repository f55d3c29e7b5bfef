// Children for tests that write given bytes and then run a given command: a shell with the
// socket on descriptor 3.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "protocol/messages.h"
#include "scheduler/child.h"

namespace atelier::scheduler {

inline LaunchChild launcher_of(const std::string& program, std::vector<std::string> arguments) {
  platform::ProcessOptions options;
  options.program = program;
  options.arguments = std::move(arguments);
  return [options] { return platform::ChildProcess::spawn(options); };
}

// Writes `said` at once, without reading requests, and then runs `then` (a command).
inline LaunchChild saying(const std::string& said, const std::string& then = "exec sleep 1000") {
  return launcher_of("/bin/sh", {"-c", "printf %s \"$1\" >&3; " + then, "sh", said});
}

// A frame without parts, as text.
inline std::string on_the_wire(const protocol::Frame& frame) {
  const auto header = protocol::encode_frame_header(frame);
  return std::string(header.begin(), header.end()) + frame.json;
}

inline std::string hello_of(const std::string& program, std::int64_t id) {
  protocol::HelloReply hello;
  hello.program = program;
  return on_the_wire(protocol::result_frame(id, hello));
}

}  // namespace atelier::scheduler
