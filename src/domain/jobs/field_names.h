// What the person who asked calls the fields of a job, so that a refusal names what was sent: "/n"
// or "--size" and not "/input/batch". Plain value.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace atelier::domain {

struct FieldNames {
  std::string prefix = "/input/";            // of every field that has no name of its own below
  std::map<std::string, std::string> names;  // "batch" → "/n"

  std::string of(std::string_view field) const {
    const auto found = names.find(std::string(field));
    return found == names.end() ? prefix + std::string(field) : found->second;
  }
};

}  // namespace atelier::domain
