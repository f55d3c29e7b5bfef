// Words that comments, texts of the code and documents do not use, each with what to write in its
// place (prose.txt). Plain data in, findings out; nothing throws.
#pragma once

#include <string>
#include <vector>

#include "files.h"
#include "rules.h"

namespace atelier::tidy {

struct BannedPhrase {
  std::vector<std::string> words;         // in lower case, one behind the other
  std::vector<std::string> unless_after;  // allowed behind one of these
  std::string instead;
};

struct ProseRules {
  std::vector<BannedPhrase> phrases;
  std::vector<std::string> not_swept;  // folders ("src/http/") and files that are not checked yet
};

// Lines "phrase -> instead", "phrase (unless after: word word) -> instead" and "- path".
ProseRules parse_prose(const std::vector<std::string>& lines);

bool is_swept(const std::string& path, const ProseRules& rules);

// `file.code` is empty for a document, of which everything counts. Names in `backticks` and blocks
// of code do not.
std::vector<Finding> check_prose(const SourceFile& file, const ProseRules& rules);

}  // namespace atelier::tidy
