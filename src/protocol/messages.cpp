#include "protocol/messages.h"

namespace atelier::protocol {

std::string version_problem(int theirs, std::string_view program) {
  if (theirs == kProtocolVersion) return {};
  return std::string(program) + " speaks protocol version " + std::to_string(theirs) +
         ", this program speaks version " + std::to_string(kProtocolVersion) +
         ": install all three programs from the same build";
}

}  // namespace atelier::protocol
