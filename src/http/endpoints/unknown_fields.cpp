#include "http/endpoints/unknown_fields.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "platform/nearest.h"
#include "platform/utf8.h"

namespace atelier::http {
namespace {

constexpr std::size_t kNamedMax = 8;   // a request may have thousands
constexpr std::size_t kShownMax = 40;  // bytes of a name

// Names of fields in other programs that are not similar to ours.
constexpr auto kOtherNames = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"batch_size", "batch"},
    {"cfg", "guidance"},
    {"cfg_scale", "guidance"},
    {"denoise", "strength"},
    {"denoising_strength", "strength"},
    {"guidance_scale", "guidance"},
    {"image_url", "image"},
    {"init_image", "image"},
    {"mask_image", "mask"},
    {"n", "batch"},
    {"negative", "negative_prompt"},
    {"num_images", "batch"},
    {"num_images_per_prompt", "batch"},
    {"num_inference_steps", "steps"},
    {"num_steps", "steps"},
    {"sampler_index", "sampler"},
    {"sampler_name", "sampler"},
    {"scheduler", "sampler"},
    {"text", "prompt"},
});

std::string shown(std::string_view name) {
  return name.size() <= kShownMax ? std::string{name} : platform::cut(name, kShownMax) + "…";
}

// "a~1b" is the key "a/b".
std::string plain_key(std::string_view escaped) {
  std::string key;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    const bool mark = escaped[i] == '~' && i + 1 < escaped.size();
    key += !mark ? escaped[i] : escaped[++i] == '1' ? '/' : '~';
  }
  return key;
}

bool has(const FieldGroup& group, std::string_view name) {
  return std::ranges::find(group.names, name) != group.names.end();
}

// "steps" in its own group, else "input.steps" or "/priority"; "" when no name is similar.
std::string meant(const FieldGroup& group, const std::string& key, bool own) {
  std::string name;
  if (has(group, key)) {
    name = key;
  } else {
    const auto other = std::ranges::find(kOtherNames, std::string_view{key},
                                         &std::pair<std::string_view, std::string_view>::first);
    if (other != kOtherNames.end() && has(group, other->second)) name = other->second;
    if (name.empty()) {
      const auto near = platform::near_names(key, group.names, 1);
      if (!near.empty()) name = near.front();
    }
  }
  if (name.empty() || own) return name;
  return group.place.empty() ? "/" + name : group.place.substr(1) + "." + name;
}

}  // namespace

std::vector<std::string> describe_unknown(const std::vector<std::string>& unknown,
                                          const std::vector<FieldGroup>& groups) {
  std::vector<std::string> sentences;
  for (const auto& pointer : unknown) {
    if (sentences.size() == kNamedMax) {
      sentences.push_back(std::to_string(unknown.size() - kNamedMax) +
                          " further unknown fields were ignored");
      break;
    }
    const std::size_t slash = pointer.rfind('/');
    const std::string place = pointer.substr(0, slash);
    const std::string key = plain_key(std::string_view{pointer}.substr(slash + 1));
    std::string sentence = "unknown field '" + shown(key) + "' was ignored";
    std::string name;
    for (const bool own : {true, false}) {
      for (const auto& group : groups) {
        if (name.empty() && (group.place == place) == own) name = meant(group, key, own);
      }
    }
    if (!name.empty()) sentence += " (did you mean '" + name + "'?)";
    sentences.push_back(std::move(sentence));
  }
  return sentences;
}

}  // namespace atelier::http
