#include "engine/weights/weights.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "platform/error.h"

namespace atelier::engine {
namespace {

// A hash of words at the speed of memory.
std::uint64_t digest_of_piece(const std::byte* data, std::size_t size) {
  constexpr std::uint64_t kFactor = 0x9e3779b97f4a7c15;
  constexpr std::size_t kLanes = 8;  // independent of one another, to hide a product's latency
  std::array<std::uint64_t, kLanes> lanes = {1, 2, 3, 4, 5, 6, 7, size};
  const auto mix = [](std::uint64_t state, std::uint64_t word) {
    state = (state ^ word) * kFactor;
    return state ^ (state >> 29U);
  };
  std::size_t at = 0;
  for (; at + sizeof lanes <= size; at += sizeof lanes) {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kLanes; ++i) {
      std::uint64_t word = 0;
      std::memcpy(&word, data + at + i * sizeof word, sizeof word);
      lanes[i] = mix(lanes[i], word);
    }
  }
  for (; at < size; ++at) lanes[0] = mix(lanes[0], std::to_integer<std::uint64_t>(data[at]));
  std::uint64_t all = lanes[0];
  for (std::size_t i = 1; i < kLanes; ++i) all = mix(all, lanes[i]);
  return all;
}

// Of a part of the data, the first kRead bytes of every kEvery: reading all of it costs a tenth of
// the time to load a model. Models that differ by training differ in every part; that the files are
// the same ones is checked by their version (model_version.h).
std::uint64_t digest_of(std::span<const std::byte> data) {
  constexpr std::size_t kRead = std::size_t{4} << 10, kEvery = std::size_t{32} << 10;
  std::vector<std::uint64_t> parts{data.size()};
  for (std::size_t at = 0; at < data.size(); at += kEvery) {
    parts.push_back(digest_of_piece(data.data() + at, std::min(kRead, data.size() - at)));
  }
  return digest_of_piece(reinterpret_cast<const std::byte*>(parts.data()),
                         parts.size() * sizeof(std::uint64_t));
}

Tensor stored_tensor(const WeightSource& source) {
  const TensorInfo& info = *source.info;
  const at::ScalarType dtype = stored_type_of(info.dtype);
  const auto bytes = source.file->bytes(info);
  if (info.elements() == 0) return at::empty(info.shape, at::dtype(dtype));
  // The map is read-only; views are never written (tensor_source.h).
  auto* const data = const_cast<std::byte*>(bytes.data());
  const std::size_t alignment = weight_dtype_size(info.dtype);
  if (reinterpret_cast<std::uintptr_t>(data) % alignment != 0) {
    // Only a header of odd length causes this; torch's kernels need aligned elements.
    Tensor copy =
        at::empty({static_cast<std::int64_t>(bytes.size() / alignment)}, at::dtype(dtype));
    std::copy(bytes.begin(), bytes.end(), static_cast<std::byte*>(copy.data_ptr()));
    return info.strides.empty() ? copy.view(info.shape)
                                : copy.as_strided(info.shape, info.strides).contiguous();
  }
  const auto keep = [map = source.file->map_of(info)](void*) {};
  if (info.strides.empty()) return at::from_blob(data, info.shape, keep, at::dtype(dtype));
  return at::from_blob(data, info.shape, info.strides, keep, at::dtype(dtype)).contiguous();
}

}  // namespace

at::ScalarType stored_type_of(WeightDtype dtype) {
  switch (dtype) {
    case WeightDtype::kBool:
      return at::kBool;
    case WeightDtype::kU8:
      return at::kByte;
    case WeightDtype::kI8:
      return at::kChar;
    case WeightDtype::kI16:
      return at::kShort;
    case WeightDtype::kI32:
      return at::kInt;
    case WeightDtype::kI64:
      return at::kLong;
    case WeightDtype::kF8E4M3:
    case WeightDtype::kF8E5M2:
      return at::kByte;  // libtorch 1.13 has no 8-bit floats: their bytes
    case WeightDtype::kF16:
      return at::kHalf;
    case WeightDtype::kBF16:
      return at::kBFloat16;
    case WeightDtype::kF32:
      return at::kFloat;
    case WeightDtype::kF64:
      return at::kDouble;
    case WeightDtype::kC64:
      return at::kComplexFloat;
    default:
      break;
  }
  throw Error(ErrorCode::kUnsupported, "weights of the type " +
                                           std::string(weight_dtype_name(dtype)) +
                                           " are not computed with here: use the fp16, bf16 or "
                                           "fp32 version of the model");
}

Tensor load_tensor(const WeightSource& source) {
  Tensor tensor = stored_tensor(source);
  switch (source.transform) {
    case WeightTransform::kAsIs:
      break;
    case WeightTransform::kTranspose:
      return tensor.t();
    case WeightTransform::kRows: {
      const std::int64_t rows = tensor.size(0) / source.parts;
      return tensor.narrow(0, source.part * rows, rows);
    }
    case WeightTransform::kSqueeze1x1:
      return tensor.view({tensor.size(0), tensor.size(1)});
  }
  return tensor;
}

std::optional<std::vector<std::int64_t>> ViewSource::shape(std::string_view name) const {
  const WeightSource* const source = view_.find(name);
  if (source == nullptr) return std::nullopt;
  return source->shape();
}

Tensor ViewSource::get(std::string_view name) const {
  const WeightSource* const source = view_.find(name);
  if (source == nullptr) {
    throw Error(ErrorCode::kCorruptData, where() + ": tensor '" + std::string(name) +
                                             "' is missing: the file is incomplete");
  }
  const TensorInfo& info = *source->info;
  if (data_ == TensorData::kShapesOnly) {
    return at::empty(source->shape(), at::device(at::kMeta).dtype(stored_type_of(info.dtype)));
  }
  if (!digests_.contains(info.name)) {
    digests_.emplace(info.name, digest_of(source->file->bytes(info)));
  }
  return load_tensor(*source);
}

std::string ViewSource::where() const {
  return part_.empty() ? view_.where() : view_.where() + " (" + part_ + ")";
}

std::uint64_t ViewSource::digest() const {
  std::vector<std::uint64_t> words;
  for (const auto& [name, digest] : digests_) {
    words.push_back(digest_of(std::as_bytes(std::span(name))));
    words.push_back(digest);
  }
  return digest_of(std::as_bytes(std::span(words)));
}

void ViewSource::check_readable() const {
  for (const auto& [name, source] : view_.sources()) source.file->check_readable();
}

void ViewSource::release(std::string_view name) const {
  const WeightSource* const source = view_.find(name);
  if (source != nullptr) source->file->release(*source->info);
}

std::vector<std::string> ViewSource::names() const {
  std::vector<std::string> names;
  names.reserve(view_.size());
  for (const auto& [name, source] : view_.sources()) names.push_back(name);
  return names;
}

}  // namespace atelier::engine
