#include "codec/describe_failure.h"

#include <vips/vips8>

#include "codec/texts.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::codec {
namespace {

constexpr std::size_t kReasonMax = 200;

// libvips collects a line per layer; the first one that is not empty is the cause. It may quote
// bytes of the file.
std::string first_line(std::string text) {
  text.erase(0, text.find_first_not_of(" :\n\t"));
  text = text.substr(0, text.find('\n'));
  if (!platform::is_utf8(text)) text = latin1_to_utf8(text);
  return platform::cut(text, kReasonMax);
}

}  // namespace

void with_failures_described(const std::string& what, const std::function<void()>& work) {
  try {
    work();
  } catch (const vips::VError& failure) {
    const std::string reason = first_line(failure.what());
    vips_error_clear();
    throw Error(ErrorCode::kCorruptData,
                what + (reason.empty() ? "" : ": " + reason) +
                    ": the file is broken or incomplete, send it again or save it "
                    "again with another program");
  }
}

}  // namespace atelier::codec
