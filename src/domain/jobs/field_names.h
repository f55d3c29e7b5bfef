// How the fields of a job are spelled in a request, so that an error contains the name that was
// sent: "/n" or
// "--size" and not "/input/batch". Each edge (a dialect, the command line) has its own. Plain
// value.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "platform/error.h"

namespace atelier::domain {

struct FieldNames {
  std::string prefix = "/input/";            // of every field that has no name of its own below
  std::map<std::string, std::string> names;  // "batch" → "/n"

  // A JSON pointer is spelled already.
  std::string of(std::string_view field) const {
    if (field.starts_with('/')) return std::string(field);
    const auto found = names.find(std::string(field));
    return found == names.end() ? prefix + std::string(field) : found->second;
  }
  // The error with its field spelled as it was sent.
  Error spelled(const Error& error) const {
    if (error.field().empty()) return error;
    return {error.code(), of(error.field()), error.what()};
  }
};

}  // namespace atelier::domain
