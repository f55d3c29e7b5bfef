#include "engine/weights/weights_view.h"

#include "platform/error.h"

namespace atelier::engine {
namespace {

bool fits(const WeightSource& source) {
  const std::vector<std::int64_t>& shape = source.info->shape;
  switch (source.transform) {
    case WeightTransform::kAsIs:
      return true;
    case WeightTransform::kTranspose:
      return shape.size() == 2;
    case WeightTransform::kRows:
      return !shape.empty() && source.parts > 0 && shape[0] % source.parts == 0 &&
             source.part >= 0 && source.part < source.parts;
    case WeightTransform::kSqueeze1x1:
      return shape.size() == 4 && shape[2] == 1 && shape[3] == 1;
  }
  return false;
}

}  // namespace

std::vector<std::int64_t> WeightSource::shape() const {
  const std::vector<std::int64_t>& stored = info->shape;
  switch (transform) {
    case WeightTransform::kAsIs:
      break;
    case WeightTransform::kTranspose:
      return {stored[1], stored[0]};
    case WeightTransform::kRows: {
      std::vector<std::int64_t> part_shape = stored;
      part_shape[0] /= parts;
      return part_shape;
    }
    case WeightTransform::kSqueeze1x1:
      return {stored[0], stored[1]};
  }
  return stored;
}

void WeightsView::add(std::string name, WeightSource source) {
  const std::string stored = source.info->name;
  if (!fits(source)) {
    throw Error(ErrorCode::kCorruptData, source.file->path().string() + ": tensor '" + stored +
                                             "' has the shape " + shape_text(source.info->shape) +
                                             ", which does not fit its place '" + name +
                                             "': the file is damaged or of another model");
  }
  const std::string file = source.file->path().string();
  const auto [place, added] = sources_.emplace(std::move(name), std::move(source));
  if (!added) {
    throw Error(ErrorCode::kCorruptData, file + ": tensors '" + place->second.info->name +
                                             "' and '" + stored + "' both claim the place '" +
                                             place->first + "'");
  }
}

const WeightSource* WeightsView::find(std::string_view name) const {
  const auto found = sources_.find(name);
  return found == sources_.end() ? nullptr : &found->second;
}

std::uint64_t WeightsView::parameters() const {
  std::uint64_t count = 0;
  for (const auto& [name, source] : sources_) {
    count += source.info->elements() / static_cast<std::uint64_t>(source.parts);
  }
  return count;
}

std::uint64_t WeightsView::bytes() const {
  std::uint64_t count = 0;
  for (const auto& [name, source] : sources_) {
    count += source.info->elements() * weight_dtype_size(source.info->dtype) /
             static_cast<std::uint64_t>(source.parts);
  }
  return count;
}

std::string WeightsView::where() const {
  return sources_.empty() ? std::string("an empty set of weights")
                          : sources_.begin()->second.file->path().string();
}

WeightsView view_of(const std::shared_ptr<const WeightsFile>& file, const TensorNames& names) {
  WeightsView view;
  for (const auto& [ours, stored] : names) {
    view.add(ours, {.file = file, .info = file->find(stored)});
  }
  return view;
}

}  // namespace atelier::engine
