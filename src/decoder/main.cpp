// atelier-media: reads every untrusted picture, in a sandbox. Started by the station with a socket
// on descriptor 3 (a small pool of them); works until the socket closes.
#include <signal.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>

#include "codec/picture_file.h"
#include "decoder/sandbox.h"
#include "decoder/session.h"
#include "platform/error.h"
#include "platform/process.h"

namespace atelier::decoder {
namespace {

// Loads what libraries load late (character sets, colour tables), while files can still be opened.
void warm_up() {
  const media::Image picture{8, 8, 3, std::vector<std::uint8_t>(8 * 8 * 3, 127)};
  for (const char* format : {"png", "jpeg", "webp"}) {
    codec::EncodeOptions options;
    options.format = format;
    codec::decode_picture(codec::encode_picture(picture, options), {});
  }
}

void run() {
  int type = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(platform::kChildSocket, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
    throw Error(
        ErrorCode::kInvalidArgument,
        "descriptor 3 is no socket: this program is started by atelier, run 'atelier serve'");
  }
  protocol::Channel channel(platform::kChildSocket);
  SessionOptions options;
  if (const char* magic = std::getenv("ATELIER_MEDIA_TEST_CRASH")) options.crash_on = magic;
  // Large pictures stay in memory: there is no file to put them into.
  ::setenv("VIPS_DISC_THRESHOLD", "4g", 1);
  codec::start_codecs("atelier-media");
  warm_up();
  options.sandbox = enter_sandbox({});
  serve(channel, options);
}

}  // namespace
}  // namespace atelier::decoder

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
