// The same bytes as a bare pickle and as a torch archive: an Error or tensors that lie inside of
// the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "engine/weights/pickle_reader.h"
#include "engine/weights/torch_archive.h"
#include "platform/error.h"

namespace {

template <typename Function>
void run(Function&& function) {
  try {
    function();
  } catch (const atelier::Error& error) {
    if (error.code() != atelier::ErrorCode::kCorruptData &&
        error.code() != atelier::ErrorCode::kUnsupported) {
      std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  run([&] { atelier::engine::read_pickled_tensors(file, "fuzz"); });
  run([&] {
    for (const auto& tensor : atelier::engine::parse_torch_archive(file, "fuzz")) {
      if (tensor.offset > size || tensor.bytes > size - tensor.offset) std::abort();
    }
  });
  return 0;
}
