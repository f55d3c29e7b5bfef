#include "engine/tensor/poll.h"

namespace atelier::engine {
namespace {

thread_local const std::function<void()>* innermost = nullptr;

}  // namespace

void poll() {
  if (innermost != nullptr) (*innermost)();
}

PollScope::PollScope(std::function<void()> function)
    : function_(std::move(function)), outer_(innermost) {
  if (function_) innermost = &function_;
}

PollScope::~PollScope() { innermost = outer_; }

}  // namespace atelier::engine
