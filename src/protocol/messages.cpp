#include "protocol/messages.h"

#include "platform/base64.h"

namespace atelier::protocol {

std::string version_problem(int theirs, std::string_view program) {
  if (theirs == kProtocolVersion) return {};
  return std::string(program) + " speaks protocol version " + std::to_string(theirs) +
         ", this program speaks version " + std::to_string(kProtocolVersion) +
         ": install all three programs from the same build";
}

ModelFiles model_files(const std::string& id, const std::string& path) {
  return {id, platform::base64_encode(
                  {reinterpret_cast<const std::uint8_t*>(path.data()), path.size()})};
}

std::string path_of(const ModelFiles& files) {
  const auto bytes = platform::base64_decode(files.path_base64);
  if (!bytes) json::refuse("/model/path_base64", "this is not base64");
  return {bytes->begin(), bytes->end()};
}

}  // namespace atelier::protocol
