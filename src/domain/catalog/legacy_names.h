// Names that existing clients send. A name stands for the installed model that carries the
// published weights' name; some also for a role, which the default plays where that is missing.
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
  std::vector<std::string_view> published;  // names under which people keep the weights
  bool role = true;  // false: it means these weights alone, except to clients who take any
};

std::span<const LegacyName> legacy_names();
const LegacyName* find_legacy_name(std::string_view id);  // case-insensitive; null: none

// Lower case, letters and digits only: "Juggernaut-XL_Lightning" and "juggernautxl lightning" are
// one.
std::string plain_name(std::string_view name);

}  // namespace atelier::domain
