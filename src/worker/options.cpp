#include "worker/options.h"

#include <charconv>
#include <string_view>

#include "platform/error.h"

namespace atelier::worker {
namespace {

int read_number(std::string_view option, std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0) {
    throw Error(ErrorCode::kInvalidArgument,
                std::string(option) + " wants a whole number, not '" + std::string(text) + "'");
  }
  return number;
}

}  // namespace

Options read_options(std::span<const char* const> arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const std::string_view name = arguments[i];
    if (i + 1 == arguments.size()) {
      throw Error(ErrorCode::kInvalidArgument, std::string(name) + " wants a value");
    }
    const std::string_view value = arguments[i + 1];
    if (name == "--engine") {
      options.engine = value;
    } else if (name == "--device") {
      options.device = value;
    } else if (name == "--threads") {
      options.threads = read_number(name, value);
    } else if (name == "--assets") {
      options.assets = value;
    } else if (name == "--fake") {
      options.fake = value;
    } else if (name == "--fd") {
      options.fd = read_number(name, value);
    } else {
      throw Error(ErrorCode::kInvalidArgument,
                  "atelier-worker does not know '" + std::string(name) +
                      "': it knows --engine --device --threads --assets --fake --fd");
    }
  }
  return options;
}

}  // namespace atelier::worker
