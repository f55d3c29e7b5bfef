#include "platform/error.h"

#include <array>
#include <utility>

namespace atelier {
namespace {

constexpr std::array kNames{
    std::pair{ErrorCode::kInvalidArgument, std::string_view{"invalid_argument"}},
    std::pair{ErrorCode::kNotFound, std::string_view{"not_found"}},
    std::pair{ErrorCode::kConflict, std::string_view{"conflict"}},
    std::pair{ErrorCode::kTooLarge, std::string_view{"too_large"}},
    std::pair{ErrorCode::kQueueFull, std::string_view{"queue_full"}},
    std::pair{ErrorCode::kUnsupported, std::string_view{"unsupported"}},
    std::pair{ErrorCode::kCorruptData, std::string_view{"corrupt_data"}},
    std::pair{ErrorCode::kCancelled, std::string_view{"cancelled"}},
    std::pair{ErrorCode::kOutOfMemory, std::string_view{"out_of_memory"}},
    std::pair{ErrorCode::kWorkerLost, std::string_view{"worker_lost"}},
    std::pair{ErrorCode::kInternal, std::string_view{"internal"}},
};

}  // namespace

std::string_view error_code_name(ErrorCode code) {
  for (const auto& [value, name] : kNames) {
    if (value == code) return name;
  }
  return "internal";
}

ErrorCode error_code_from_name(std::string_view name) {
  for (const auto& [value, known] : kNames) {
    if (known == name) return value;
  }
  return ErrorCode::kInternal;
}

}  // namespace atelier
