// Sentences about the unknown fields of a request. Pure, any thread.
#pragma once

#include <string>
#include <vector>

namespace atelier::http {

// The fields that one object of a request has.
struct FieldGroup {
  std::string place;  // its JSON pointer, "" is the request itself
  std::vector<std::string> names;
};

// `unknown`: JSON pointers, as reading found them. "unknown field 'stepz' was ignored (did you mean
// 'steps'?)"; the fields of its own group come first, then those of the others.
std::vector<std::string> describe_unknown(const std::vector<std::string>& unknown,
                                          const std::vector<FieldGroup>& groups);

}  // namespace atelier::http
