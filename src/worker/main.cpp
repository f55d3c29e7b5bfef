// atelier-worker: the inference process. Started by the station, which it finds on descriptor 3.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "platform/process.h"
#include "worker/serve.h"

namespace {

struct Options {
  std::string engine = "cpu", device, fake;
  int threads = 0;
};

constexpr char kUsage[] =
    "usage: atelier-worker [--engine cpu|cuda|fake|LIBRARY] [--device NAME] [--threads N] [--fake "
    "SWITCHES]\n"
    "The station starts this program and talks to it over descriptor 3; it is of no use by hand.\n";

bool read_options(int count, char** arguments, Options& options) {
  for (int i = 1; i < count; i += 2) {
    const std::string name = arguments[i];
    if (i + 1 >= count) return false;
    const std::string value = arguments[i + 1];
    if (name == "--engine") {
      options.engine = value;
    } else if (name == "--device") {
      options.device = value;
    } else if (name == "--fake") {
      options.fake = value;
    } else if (name == "--threads") {
      options.threads = std::atoi(value.c_str());
    } else {
      return false;
    }
  }
  return true;
}

// When memory runs out the kernel ends this process, which is replaced, and not the station.
void offer_itself_to_the_oom_killer() { std::ofstream("/proc/self/oom_score_adj") << "500"; }

}  // namespace

int main(int count, char** arguments) {
  Options options;
  if (!read_options(count, arguments, options)) {
    std::fputs(kUsage, stderr);
    return 64;
  }
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGINT, SIG_IGN);  // Ctrl-C in a terminal is the station's to handle
  // Waiting threads must sleep: spinning ones fight the BLAS library's pool (docs/pitfalls.md).
  // Before any library that reads it is loaded.
  ::setenv("OMP_WAIT_POLICY", "passive", 0);
  offer_itself_to_the_oom_killer();

  atelier::engine::EngineOptions engine;
  engine.device = !options.device.empty()    ? options.device
                  : options.engine == "cuda" ? "cuda"
                                             : "cpu";
  engine.threads = options.threads;
  atelier::protocol::Channel channel(atelier::platform::kChildSocket);
  return atelier::worker::serve(channel, options.engine, [&] {
    return atelier::worker::load_engine(options.engine, engine, options.fake);
  });
}
