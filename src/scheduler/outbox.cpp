#include "scheduler/outbox.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "platform/log.h"

namespace atelier::scheduler {
namespace {

std::size_t size_of(const protocol::Frame& frame) {
  std::size_t size = frame.json.size();
  for (const auto& part : frame.parts) size += part.size();
  return size;
}

}  // namespace

Outbox::Outbox(protocol::Channel& channel, std::size_t bytes_max)
    : channel_(channel), bytes_max_(bytes_max), thread_([this] { run(); }) {}

Outbox::~Outbox() {
  waiting_.close();
  thread_.join();
}

bool Outbox::post(protocol::Frame frame) {
  const auto size = size_of(frame);
  const std::lock_guard lock(mutex_);
  if (waiting_.closed()) return true;
  if (size > bytes_max_ - std::min(bytes_, bytes_max_)) return false;
  bytes_ += size;
  waiting_.push(std::move(frame));
  return true;
}

void Outbox::run() {
  while (const auto frame = waiting_.take()) {
    try {
      channel_.send(*frame);
    } catch (const std::exception& error) {
      platform::log(platform::LogLevel::kDebug,
                    std::string("a message to a child was not sent: ") + error.what());
      channel_.close();  // its reader wakes and reports the end of the child
      waiting_.close();
      return;
    }
    const std::lock_guard lock(mutex_);
    bytes_ -= size_of(*frame);
  }
}

}  // namespace atelier::scheduler
