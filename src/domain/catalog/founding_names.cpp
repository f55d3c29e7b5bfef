#include "domain/catalog/founding_names.h"

#include <cctype>

namespace atelier::domain {
namespace {

const std::vector<FoundingName>& table() {
  static const std::vector<FoundingName> names{
      {"sdxl-realism", "SDXL Realism", "generation", {"Juggernaut-XL-Lightning", "Juggernaut-XL"}},
      {"sdxl-anime", "SDXL Anime", "generation", {"animagine-xl-3.1", "animagine-xl"}},
      {"sdxl-surreal",
       "SDXL Surreal",
       "generation",
       {"dreamshaper-xl-lightning", "dreamshaper-xl-1-0", "dreamshaper-xl"}},
      {"sdxl", "SDXL", "generation", {"Juggernaut-XL-Lightning", "stable-diffusion-xl-base-1.0"}},
      {"sdxl-base", "SDXL Base", "generation", {"stable-diffusion-xl-base-1.0", "sd_xl_base_1.0"}},
      {"juggernaut-xl", "Juggernaut XL", "generation", {"Juggernaut-XL-Lightning"}},
      {"juggernaut", "Juggernaut XL", "generation", {"Juggernaut-XL-Lightning", "Juggernaut-XL"}},
      {"sd15", "Stable Diffusion 1.5", "generation", {"stable-diffusion-v1-5", "v1-5-pruned"}},
      {"moondream-2", "Moondream 2", "vision", {"moondream2"}},
      {"vikhyatk/moondream2", "Moondream 2", "vision", {"moondream2"}},
      {"moondream-3-preview", "Moondream 3 Preview", "vision", {"moondream3-preview"}},
      {"moondream-3-preview-4bit", "Moondream 3 Preview", "vision", {"md3p-int4"}},
      {"florence-2-large", "Florence-2 Large", "vision", {"Florence-2-large"}},
      {"joycaption-alpha-2", "JoyCaption Alpha 2", "captioning", {"joy-caption-alpha-two"}},
      {"wd14-vit-v2", "WD14 ViT Tagger v2", "tagging", {"wd-v1-4-vit-tagger-v2"}},
      {"nsfw-detector", "NSFW Detector", "analysis", {"nsfw-image-detection-384"}},
  };
  return names;
}

}  // namespace

std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) plain += static_cast<char>(std::tolower(byte));
  }
  return plain;
}

std::span<const FoundingName> founding_names() { return table(); }

const FoundingName* find_founding_name(std::string_view id) {
  const auto wanted = plain_name(id);
  for (const auto& name : table()) {
    if (plain_name(name.id) == wanted) return &name;
  }
  return nullptr;
}

}  // namespace atelier::domain
