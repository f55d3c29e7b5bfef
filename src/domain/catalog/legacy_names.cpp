#include "domain/catalog/legacy_names.h"

#include <cctype>
#include <utility>

#include "platform/ascii.h"

namespace atelier::domain {
namespace {

LegacyName weights(std::string_view id, std::string_view title,
                   std::vector<std::string_view> published) {
  return {id, title, "generation", std::move(published), false};
}

const std::vector<LegacyName>& table() {
  static const std::vector<LegacyName> names{
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
      // The gallery's catalogue.
      weights("realvisxl-v5", "RealVisXL V5", {"RealVisXL_V5.0"}),
      weights("cyberrealistic-xl", "CyberRealistic XL", {"CyberRealisticXL"}),
      weights("cyberrealistic-xl-v80", "CyberRealistic XL 8", {"CyberRealisticXL_V8.0"}),
      weights("cyberrealistic-pony", "CyberRealistic Pony", {"CyberRealistic-Pony"}),
      weights("epicrealism-xl", "epiCRealism XL", {"epicrealism-xl"}),
      weights("epicella-xl", "epiCella XL", {"epicella-xl"}),
      weights("animagine-xl", "Animagine XL", {"animagine-xl-3.1", "animagine-xl"}),
      weights("zavychroma-xl", "ZavyChroma XL", {"zavychromaxl"}),
      weights("helloworld-xl", "HelloWorld XL", {"HelloWorld_XL"}),
      weights("nightvision-xl", "NightVision XL", {"NightVisionXL"}),
      weights("proteus-xl", "Proteus XL", {"ProteusV0.2"}),
      weights("albedobase-xl", "AlbedoBase XL", {"albedobase-xl"}),
      weights("copax-timeless-xl", "Copax Timeless XL", {"Copax_TimeLessXL"}),
      weights("dreamshaper-xl", "DreamShaper XL", {"dreamshaper-xl-1-0", "dreamshaper-xl"}),
      weights("realcartoon-xl", "RealCartoon XL", {"realcartoon-xl"}),
      {"moondream-2", "Moondream 2", "vision", {"moondream2"}},
      {"vikhyatk/moondream2", "Moondream 2", "vision", {"moondream2"}},
      {"moondream-3-preview", "Moondream 3 Preview", "vision", {"moondream3-preview"}},
      {"moondream-3-preview-4bit", "Moondream 3 Preview", "vision", {"md3p-int4"}},
      {"florence-2-large", "Florence-2 Large", "vision", {"Florence-2-large"}},
      {"joycaption-alpha-2", "JoyCaption Alpha 2", "captioning", {"joy-caption-alpha-two"}},
      {"wd14-vit-v2", "WD14 ViT Tagger v2", "tagging", {"wd-v1-4-vit-tagger-v2"}},
      // Never the starter pack's classifier, which finds drawn signs: its scores say nothing about
      // safety.
      {"nsfw-detector",
       "NSFW Detector",
       "analysis",
       {"nsfw-image-detection-384", "open-nsfw"},
       false},
  };
  return names;
}

}  // namespace

std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) plain += platform::lower(c);
  }
  return plain;
}

std::span<const LegacyName> legacy_names() { return table(); }

const LegacyName* find_legacy_name(std::string_view id) {
  const auto wanted = plain_name(id);
  for (const auto& name : table()) {
    if (plain_name(name.id) == wanted) return &name;
  }
  return nullptr;
}

}  // namespace atelier::domain
