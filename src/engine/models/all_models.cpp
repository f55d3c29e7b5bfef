#include "engine/models/all_models.h"

#include "engine/models/unknown_files.h"
#include "platform/check.h"
#include "platform/error.h"

// One line per family.
#define ATELIER_MODEL_FAMILIES(FAMILY) \
  FAMILY(sd15)                         \
  FAMILY(sdxl)                         \
  FAMILY(real_esrgan)                  \
  FAMILY(vit_classifier)               \
  FAMILY(open_nsfw)

namespace atelier::engine {

#define FAMILY(name) ModelFamily name##_family();
ATELIER_MODEL_FAMILIES(FAMILY)
#undef FAMILY

const std::vector<ModelFamily>& all_models() {
#define FAMILY(name) name##_family(),
  static const std::vector<ModelFamily> list = {ATELIER_MODEL_FAMILIES(FAMILY)};
#undef FAMILY
  return list;
}

DetectedModel detect_model(const CheckpointFiles& files, std::span<const ModelFamily> families) {
  std::optional<DetectedModel> found;
  for (const ModelFamily& family : families) {
    std::optional<DetectedModel> detected = family.detect(files);
    if (!detected) continue;
    if (found) {
      throw Error(ErrorCode::kInternal, files.path().string() + ": the model families '" +
                                            found->family->id + "' and '" + family.id +
                                            "' both recognise it: this is an error of the engine, "
                                            "please report it with the model's name");
    }
    found = std::move(detected);
    found->family = &family;
  }
  if (!found) refuse_unknown_files(files, families);
  return std::move(*found);
}

std::unique_ptr<Model> load_model(const DetectedModel& model, const LoadOptions& options) {
  CHECK(model.family != nullptr);
  return model.family->load(model, options);
}

}  // namespace atelier::engine
