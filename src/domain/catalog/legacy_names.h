// Names that existing clients send. A name is resolved to the installed model with the name of the
// published weights; some names fall back to the default model of their kind.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::domain {

struct LegacyName {
  std::string_view id;
  std::string_view title;
  std::string_view kind;  // of model: "generation", "vision", "captioning", "tagging", "analysis"
  std::vector<std::string_view> published;  // usual file names of the weights
  bool role = true;  // false: these weights only, except for clients that accept any model
};

std::span<const LegacyName> legacy_names();
const LegacyName* find_legacy_name(std::string_view id);  // case-insensitive; null: none

// Lower case, letters and digits only: "Juggernaut-XL_Lightning" and "juggernautxl lightning" are
// one.
std::string plain_name(std::string_view name);

}  // namespace atelier::domain
