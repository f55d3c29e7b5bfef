// atelier-media: reads every untrusted picture, in a sandbox. Started by the station with a socket
// on descriptor 3 (a small pool of them); works until the socket closes.
#include <signal.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>

#include "decoder/session.h"
#include "decoder/start.h"
#include "platform/error.h"
#include "platform/process.h"

namespace atelier::decoder {
namespace {

void run() {
  int type = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(platform::kChildSocket, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
    throw Error(
        ErrorCode::kInvalidArgument,
        "descriptor 3 is not a socket: this program is started by atelier, run 'atelier serve'");
  }
  protocol::Channel channel(platform::kChildSocket);
  SessionOptions options;
  if (const char* magic = std::getenv("ATELIER_MEDIA_TEST_CRASH")) options.crash_on = magic;
  options.sandbox = start_in_sandbox();
  serve(channel, options);
}

}  // namespace
}  // namespace atelier::decoder

#ifdef __SANITIZE_THREAD__
// libvips is not instrumented: how its threads wait for one another is not seen, and a picture of
// many rows would spend minutes on false reports of races.
extern "C" const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }
#endif

#ifdef __SANITIZE_ADDRESS__
// LeakSanitizer looks for leaks from a tracing child, which the sandbox forbids: it would end this
// program with an error of its own.
extern "C" int __lsan_is_turned_off() { return 1; }
#endif

int main() {
  ::signal(SIGINT,
           SIG_IGN);  // Ctrl-C in a terminal reaches all three programs; the station decides
  try {
    atelier::decoder::run();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "atelier-media: %s\n", error.what());
    return 2;
  }
}
