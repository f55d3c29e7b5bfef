#include "engine/weights/relatives.h"

#include <array>
#include <string>
#include <string_view>

#include "platform/error.h"

namespace atelier::engine {
namespace {

struct Mark {
  std::string_view in_name, means;
};

constexpr auto kMarks = std::to_array<Mark>({
    {"cond_proj.", "embeds the guidance scale (a latent consistency model, LCM)"},
    {"scaled_fp8", "is stored as fp8 with scales of its own (scaled fp8)"},
    {".scale_weight", "is stored as fp8 with scales of its own (scaled fp8)"},
    {".weight_scale", "is stored with scales of its own (quantised)"},
    {".absmax", "is quantised by bitsandbytes"},
    {".quant_state.", "is quantised by bitsandbytes"},
    {".qweight", "is quantised"},
    {"lora", "holds an adapter (LoRA) that was not merged into it"},
    {"to_k_ip.", "holds an image adapter (IP-Adapter)"},
    {"motion_modules.", "makes video (AnimateDiff)"},
    {".fuser.", "is guided by boxes (GLIGEN)"},
    {"position_net.", "is guided by boxes (GLIGEN)"},
});

}  // namespace

void refuse_unknown_computation(const WeightsView& view, const char* part) {
  for (const auto& [name, source] : view.sources()) {
    for (const Mark& mark : kMarks) {
      if (name.find(mark.in_name) == std::string::npos) continue;
      throw Error(ErrorCode::kUnsupported,
                  source.file->path().string() + ": its " + part + " " + std::string(mark.means) +
                      ", which is not run here (tensor '" + source.info->name +
                      "'): choose the plain fp16 or fp32 version of the model");
    }
  }
}

}  // namespace atelier::engine
