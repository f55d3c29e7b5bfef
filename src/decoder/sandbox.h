// What the decoder gives up before it reads the first untrusted byte: opening files, sockets, new
// programs, other processes, and more memory and processor time than a picture needs. Called by
// main.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace atelier::decoder {

struct SandboxLimits {
  // Of a picture of 64 million pixels: 256 MB as RGBA, twice while it is turned or copied, twice
  // more as 16 bits a channel, and the message. A decoder that needs more dies, and the picture
  // with it.
  std::int64_t data_bytes = std::int64_t{2} << 30;
  int open_files = 64;
};

// Closes the door; returns the measures in force ("limits", "no_new_privs", "seccomp"). What the
// system does not have is left out and not an error: the station shows the list.
std::vector<std::string> enter_sandbox(const SandboxLimits& limits);

// From now on so many seconds of processor time, then the kernel ends the process.
void allow_cpu_seconds(int seconds);

}  // namespace atelier::decoder
