#include "engine/weights/weights.h"

#include <algorithm>
#include <cstdint>

#include "platform/error.h"

namespace atelier::engine {
namespace {

Tensor stored_tensor(const WeightSource& source) {
  const TensorInfo& info = *source.info;
  const at::ScalarType dtype = scalar_type_of(info.dtype);
  const auto bytes = source.file->bytes(info);
  if (info.elements() == 0) return at::empty(info.shape, at::dtype(dtype));
  // The map is read-only; views are never written (tensor_source.h).
  auto* const data = const_cast<std::byte*>(bytes.data());
  const std::size_t alignment = weight_dtype_size(info.dtype);
  if (reinterpret_cast<std::uintptr_t>(data) % alignment != 0) {
    // Only a header of odd length makes this; torch's kernels want aligned elements.
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

at::ScalarType scalar_type_of(WeightDtype dtype) {
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
  return load_tensor(*source);
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
