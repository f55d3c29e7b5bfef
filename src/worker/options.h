// The command line of atelier-worker, usually written by the station's supervisor.
#pragma once

#include <span>
#include <string>

namespace atelier::worker {

struct Options {
  // "auto" (engine_library.h), "cpu", "cuda", "fake", or the path of an engine library
  std::string engine = "auto";
  std::string device;  // "": the engine's own ("cpu", "cuda")
  int threads = 0;     // 0: all that this process may use
  std::string assets;  // folder of tokenizer data, "": built in default
  std::string fake;    // switches of the fake engine: "step_ms=50,crash_at_step=3"
  int fd = 3;          // the socket to the station
  std::string help;    // of --help, else "": to be printed, and nothing is run
};

// Without the program's name. Throws kInvalidArgument with the option's name.
Options read_options(std::span<const char* const> arguments);

}  // namespace atelier::worker
