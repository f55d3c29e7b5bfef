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

// In the messages of answering_runs(): the job that is named by the request.
inline constexpr auto kJobOfTheRequest = "00000000000000000000000000";

// Beats, answers the hello, and each `run` with the messages (JSON, one a line) of the file. One
// process reads and writes, so that the socket is closed when that is killed.
inline LaunchChild answering_runs(const protocol::HelloReply& hello, const std::string& file) {
  const std::string script = R"sh(
    LC_ALL=C
    send() { printf 'Content-Length: %d\r\n\r\n%s' "${#1}" "$1" >&3; }
    hello='"id":([0-9]+),"method":"hello"'
    run='"method":"run".*"job":"([^"]*)"'
    begin=
    while :; do
      IFS= read -r -d '}' -u 3 -t 1 part
      status=$?
      part=$begin$part
      begin=
      if ((status > 128)); then
        begin=$part
        send "$4"
      elif ((status > 0)); then
        exit
      elif [[ $part =~ $hello ]]; then
        send "${1/\"id\":0/\"id\":${BASH_REMATCH[1]}}"
      elif [[ $part =~ $run ]]; then
        job=${BASH_REMATCH[1]}
        while IFS= read -r line; do send "${line/$3/$job}"; done <"$2"
      fi
    done)sh";
  return launcher_of(
      "/bin/bash",
      {"-c", script, "bash", protocol::result_frame(0, hello).json, file, kJobOfTheRequest,
       protocol::notification_frame(protocol::BeatNotification{}).json});
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
