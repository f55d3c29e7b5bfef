// What the decoder gives up before it reads the first untrusted byte: opening files, the network,
// new programs, other processes, the privileges of its user, and more memory and processor time
// than a picture needs. Called by main, before any thread is started.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::decoder {

struct SandboxLimits {
  // Of a picture of 64 million pixels: 256 MB as RGBA, twice while it is turned or copied, twice
  // more as 16 bits a channel, and the message. A decoder that needs more is killed, and the
  // picture is refused.
  std::int64_t data_bytes = std::int64_t{2} << 30;
  int open_files = 64;
};

// The measure without which pictures are not read.
inline constexpr std::string_view kCallFilter = "seccomp";

// Enters the sandbox; `prepare` runs when privileges are gone and files can still be opened.
// Returns the measures that were seen to hold afterwards, on every thread: "limits",
// "user_namespace", "network_namespace", "no_new_privs", "capabilities", "landlock", "seccomp".
// What the system does not have is left out and not an error: the station shows the list.
std::vector<std::string> enter_sandbox(const SandboxLimits& limits,
                                       const std::function<void()>& prepare);

// From now on so many seconds of processor time, then the kernel ends the process.
void allow_cpu_seconds(int seconds);

}  // namespace atelier::decoder
