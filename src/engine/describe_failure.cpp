#include "engine/describe_failure.h"

#include <new>

#include "engine/tensor/torch_compat.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::engine {
namespace {

// The first line without libtorch's own source position and backtrace.
std::string first_line(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  if (line.starts_with('[')) {
    const std::size_t end = line.find("] ");
    line = end == std::string::npos ? line : line.substr(end + 2);
  }
  return platform::cut(line, 300);
}

bool mentions(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

Error described(const std::string& doing, const std::string& text) {
  if (mentions(text, "CUDA out of memory")) {
    return {ErrorCode::kOutOfMemory,
            "CUDA out of memory while " + doing + ": choose a smaller size or batch"};
  }
  if (mentions(text, "can't allocate memory") || mentions(text, "not enough memory")) {
    return {ErrorCode::kOutOfMemory,
            "out of memory while " + doing + ": choose a smaller size or batch"};
  }
  if (mentions(text, "CUDA error") || mentions(text, "cuDNN error") ||
      mentions(text, "CUBLAS_STATUS")) {
    return {ErrorCode::kWorkerLost, "the GPU failed while " + doing + " (" + first_line(text) +
                                        "): the worker is restarted, try again"};
  }
  return {ErrorCode::kInternal, doing + " failed inside libtorch: " + first_line(text)};
}

}  // namespace

void with_failures_described(const std::string& doing, const std::function<void()>& work) {
  try {
    work();
  } catch (const c10::Error& failure) {
    throw described(doing, failure.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kOutOfMemory,
                "out of memory while " + doing + ": choose a smaller size or batch");
  }
}

}  // namespace atelier::engine
