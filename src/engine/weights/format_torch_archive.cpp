// Files that torch.save wrote: zip archives with a pickle (.ckpt, .bin, .pt, .pth). Older ones are
// refused with a sentence.
#include <algorithm>
#include <string_view>

#include "engine/weights/safetensors_header.h"
#include "engine/weights/torch_archive.h"
#include "engine/weights/weights_format.h"
#include "engine/weights/zip_directory.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;

bool is_zip(std::span<const std::byte> file, const fs::path& /*path*/) {
  return looks_like_zip(file);
}

OpenedWeights open_zip(std::shared_ptr<const MappedFile> file, const fs::path& path) {
  std::vector<TensorInfo> tensors = parse_torch_archive(file->bytes(), path.string());
  return {{std::move(file)}, std::move(tensors), {}};
}

bool is_bare_pickle(std::span<const std::byte> file, const fs::path& /*path*/) {
  return file.size() >= 2 && file[0] == std::byte{0x80} && file[1] == std::byte{0x02} &&
         !looks_like_safetensors(file);
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): the signature of WeightsFormat::open
OpenedWeights refuse_bare_pickle(std::shared_ptr<const MappedFile> /*file*/, const fs::path& path) {
  throw Error(ErrorCode::kUnsupported,
              path.string() +
                  ": was saved by PyTorch older than 1.6 in a form that is not read: save it again "
                  "with a newer one or as safetensors");
}

bool has_torch_name(std::span<const std::byte> file, const fs::path& path) {
  const fs::path ending = path.extension();
  return (ending == ".ckpt" || ending == ".pt" || ending == ".pth" || ending == ".bin") &&
         !looks_like_safetensors(file);
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): the signature of WeightsFormat::open
OpenedWeights refuse_content(std::shared_ptr<const MappedFile> /*file*/, const fs::path& path) {
  throw Error(ErrorCode::kCorruptData,
              path.string() +
                  ": broken torch archive: it does not begin as one; download or copy it again");
}

}  // namespace

WeightsFormat torch_archive_format() { return {"pickle", is_zip, open_zip}; }
WeightsFormat torch_before_1_6_format() { return {"pickle", is_bare_pickle, refuse_bare_pickle}; }
WeightsFormat torch_by_name_format() { return {"pickle", has_torch_name, refuse_content}; }

}  // namespace atelier::engine
