#include "engine/weights/tensor_info.h"

namespace atelier::engine {

std::string_view weight_dtype_name(WeightDtype dtype) {
  switch (dtype) {
    case WeightDtype::kBool:
      return "BOOL";
    case WeightDtype::kU8:
      return "U8";
    case WeightDtype::kI8:
      return "I8";
    case WeightDtype::kU16:
      return "U16";
    case WeightDtype::kI16:
      return "I16";
    case WeightDtype::kU32:
      return "U32";
    case WeightDtype::kI32:
      return "I32";
    case WeightDtype::kU64:
      return "U64";
    case WeightDtype::kI64:
      return "I64";
    case WeightDtype::kF8E4M3:
      return "F8_E4M3";
    case WeightDtype::kF8E5M2:
      return "F8_E5M2";
    case WeightDtype::kF16:
      return "F16";
    case WeightDtype::kBF16:
      return "BF16";
    case WeightDtype::kF32:
      return "F32";
    case WeightDtype::kF64:
      return "F64";
    case WeightDtype::kC64:
      return "C64";
    case WeightDtype::kOther:
      break;
  }
  return "other";
}

std::uint64_t weight_dtype_size(WeightDtype dtype) {
  switch (dtype) {
    case WeightDtype::kBool:
    case WeightDtype::kU8:
    case WeightDtype::kI8:
    case WeightDtype::kF8E4M3:
    case WeightDtype::kF8E5M2:
      return 1;
    case WeightDtype::kU16:
    case WeightDtype::kI16:
    case WeightDtype::kF16:
    case WeightDtype::kBF16:
      return 2;
    case WeightDtype::kU32:
    case WeightDtype::kI32:
    case WeightDtype::kF32:
      return 4;
    case WeightDtype::kU64:
    case WeightDtype::kI64:
    case WeightDtype::kF64:
    case WeightDtype::kC64:
      return 8;
    case WeightDtype::kOther:
      break;
  }
  return 0;
}

std::uint64_t TensorInfo::elements() const {
  std::uint64_t count = 1;
  for (const std::int64_t extent : shape) count *= static_cast<std::uint64_t>(extent);
  return count;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + "]";
}

}  // namespace atelier::engine
