// Bytes as the station or a child may receive them from a broken or hostile peer: cut into frames,
// read as messages, read into every struct. The first byte says in which pieces they arrive. A
// frame that was accepted must come out the same when it is written and read again.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "platform/error.h"
#include "protocol/messages.h"

namespace {

using namespace atelier;
using namespace atelier::protocol;

// So small that the fuzzer reaches every one of them.
constexpr FrameLimits kLimits{256, 4096, 4, 4096, 8192};

template <class T>
void read_body(const Message& message) {
  try {
    const T body = message.body_as<T>();
    if (json::write_json(body).empty()) std::abort();
  } catch (const Error&) {
  }
}

void read_bodies(Message message) {
  read_body<HelloRequest>(message);
  read_body<HelloReply>(message);
  read_body<InspectReply>(message);
  read_body<RunRequest>(message);
  read_body<RunReply>(message);
  read_body<ProgressNotification>(message);
  read_body<MemoryReply>(message);
  read_body<DecodeRequest>(message);
  read_body<DecodeReply>(message);
  read_body<EncodeRequest>(message);
  try {
    const auto picture = take_picture(message.parts, message.body_as<PictureRef>());
    if (picture.pixels.size() != picture.byte_count()) std::abort();
  } catch (const Error&) {
  }
}

void check_again(const Frame& frame) {
  FrameReader reader(kLimits);
  reader.feed(encode_frame_header(frame));
  reader.feed({reinterpret_cast<const std::uint8_t*>(frame.json.data()), frame.json.size()});
  for (const Bytes& part : frame.parts) reader.feed(part);
  const auto again = reader.next();
  if (!again || again->json != frame.json || again->parts != frame.parts) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = std::size_t{data[0]} + 1;
  std::span<const std::uint8_t> rest(data + 1, size - 1);
  FrameReader reader(kLimits);
  try {
    while (!rest.empty()) {
      const std::size_t taken = std::min(piece, rest.size());
      reader.feed(rest.first(taken));
      rest = rest.subspan(taken);
      while (auto frame = reader.next()) {
        check_again(*frame);
        try {
          read_bodies(read_message(std::move(*frame)));
        } catch (const Error&) {
        }
      }
    }
  } catch (const Error&) {
  }
  return 0;
}
