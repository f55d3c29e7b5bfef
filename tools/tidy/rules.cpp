#include "rules.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>

namespace atelier::tidy {
namespace {

constexpr std::uintmax_t kBlobBytesMax = 1 << 20;

bool starts_with(const std::string& text, const std::string& prefix) {
  return text.rfind(prefix, 0) == 0;
}
bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// "engine/nn" covers "engine/nn/linear.h"; "engine/interface.h" covers itself.
bool covers(const std::string& entry, const std::string& path) {
  return path == entry || starts_with(path, entry + "/");
}

std::string below_src(const std::string& path) {
  return starts_with(path, "src/") ? path.substr(4) : std::string{};
}

bool is_test(const std::string& path) { return ends_with(path, "_test.cpp"); }

struct Include {
  std::size_t line;
  std::string path;
  bool quoted;
};

// No std::regex in these two: it takes seconds over the tree.
std::vector<Include> includes_of(const SourceFile& file) {
  std::vector<Include> found;
  for (std::size_t i = 0; i < file.code.size(); ++i) {
    const std::string& line = file.code[i];
    const std::size_t hash = line.find_first_not_of(' ');
    if (hash == std::string::npos || line.compare(hash, 8, "#include") != 0) continue;
    const std::size_t open = line.find_first_of("<\"", hash);
    if (open == std::string::npos) continue;
    const std::size_t close = line.find_first_of(">\"", open + 1);
    if (close == std::string::npos) continue;
    found.push_back({i + 1, line.substr(open + 1, close - open - 1), line[open] == '"'});
  }
  return found;
}

// Where the next `catch (` begins in a line of code; npos: nowhere.
std::size_t find_catch(const std::string& line) {
  for (std::size_t at = line.find("catch"); at != std::string::npos;
       at = line.find("catch", at + 1)) {
    const bool begins_word =
        at == 0 ||
        (std::isalnum(static_cast<unsigned char>(line[at - 1])) == 0 && line[at - 1] != '_');
    const std::size_t next = line.find_first_not_of(' ', at + 5);
    if (begins_word && next != std::string::npos && line[next] == '(') return at;
  }
  return std::string::npos;
}

bool swallows(const std::string& line, std::size_t at) {
  std::string rest;
  for (const char character : line.substr(at)) {
    if (character != ' ') rest += character;
  }
  return starts_with(rest, "catch(...){}");
}

const TableRow* longest_row(const std::vector<TableRow>& table, const std::string& path) {
  const TableRow* best = nullptr;
  for (const TableRow& row : table) {
    if (covers(row.name, path) && (best == nullptr || row.name.size() > best->name.size()))
      best = &row;
  }
  return best;
}

// Files that stand in engine/ itself tie its parts together.
bool ties_engine_together(const std::string& path) {
  return starts_with(path, "engine/") && path.find('/', 7) == std::string::npos;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "nothing else" : text;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string{} : path.substr(0, slash);
}

}  // namespace

std::vector<TableRow> parse_table(const std::vector<std::string>& lines) {
  std::vector<TableRow> rows;
  for (const std::string& line : lines) {
    std::istringstream words(line);
    TableRow row;
    words >> row.name;
    if (ends_with(row.name, ":")) row.name.pop_back();
    for (std::string word; words >> word;) row.entries.push_back(word);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Finding> check_includes(const SourceFile& file, const std::vector<TableRow>& table) {
  const std::string path = below_src(file.path);
  if (path.empty()) return {};
  const TableRow* row = longest_row(table, path);
  if (row == nullptr) {
    return {{file.path, 0,
             "its folder is not in tools/tidy/include_table.txt: add the row that "
             "docs/architecture.md names"}};
  }
  std::vector<Finding> found;
  for (const Include& include : includes_of(file)) {
    if (!include.quoted || include.path.find('/') == std::string::npos) continue;
    if (is_test(path) && include.path.find("tests/") != std::string::npos) continue;
    if (covers(row->name, include.path)) continue;
    if (ties_engine_together(path) && starts_with(include.path, "engine/")) continue;
    const bool allowed =
        std::any_of(row->entries.begin(), row->entries.end(),
                    [&](const std::string& entry) { return covers(entry, include.path); });
    if (allowed) continue;
    found.push_back({file.path, include.line,
                     "'" + row->name + "' may not include \"" + include.path +
                         "\" (it may include " + joined(row->entries) +
                         "): move the code to where both may be seen, or pass a value"});
  }
  return found;
}

std::vector<Finding> check_libraries(const SourceFile& file,
                                     const std::vector<TableRow>& libraries) {
  const std::string path = below_src(file.path);
  if (path.empty()) return {};
  std::vector<Finding> found;
  for (const Include& include : includes_of(file)) {
    if (include.path == "torch/torch.h") {
      found.push_back(
          {file.path, include.line,
           "torch/torch.h costs 17 s a file: include \"engine/tensor/torch_compat.h\""});
      continue;
    }
    for (const TableRow& library : libraries) {
      if (!starts_with(include.path, library.name)) continue;
      const bool allowed = std::any_of(
          library.entries.begin(), library.entries.end(), [&](const std::string& entry) {
            return entry[0] == '*' ? ends_with(path, entry.substr(1)) : covers(entry, path);
          });
      if (!allowed) {
        found.push_back({file.path, include.line,
                         "<" + include.path + "> belongs to " + joined(library.entries) +
                             " (tools/tidy/libraries.txt)"});
      }
    }
  }
  return found;
}

std::vector<Finding> check_catch(const SourceFile& file, const std::vector<TableRow>& allowed) {
  const std::string path = below_src(file.path);
  if (path.empty() || is_test(path)) return {};
  const bool listed = std::any_of(allowed.begin(), allowed.end(),
                                  [&](const TableRow& row) { return row.name == file.path; });
  std::vector<Finding> found;
  for (std::size_t i = 0; i < file.code.size(); ++i) {
    const std::size_t at = find_catch(file.code[i]);
    if (at == std::string::npos) continue;
    if (swallows(file.code[i], at)) {
      found.push_back(
          {file.path, i + 1, "`catch (...) {}` hides every error: let it pass or report it"});
    } else if (!listed) {
      found.push_back({file.path, i + 1,
                       "`catch` stands at the edges only: let the error pass, or add the file with "
                       "its reason to "
                       "tools/tidy/catch_allowed.txt"});
    }
  }
  return found;
}

std::vector<Finding> check_cuts(const SourceFile& file) {
  constexpr std::string_view kCut = "substr(0, ";
  constexpr int kShortest = 16;  // shorter ones split values that are not text: ids, marks, hashes
  const std::string path = below_src(file.path);
  if (path.empty() || is_test(path)) return {};
  std::vector<Finding> found;
  for (std::size_t i = 0; i < file.code.size(); ++i) {
    const std::string& line = file.code[i];
    for (auto at = line.find(kCut); at != std::string::npos; at = line.find(kCut, at + 1)) {
      if (std::atoi(line.c_str() + at + kCut.size()) < kShortest) continue;
      found.push_back({file.path, i + 1,
                       "this may cut a text inside a code point: use platform::cut() "
                       "(platform/utf8.h)"});
    }
  }
  return found;
}

std::vector<std::string> task_ids(const std::vector<SourceFile>& sources) {
  static const std::string kMark = ".id = \"";
  std::vector<std::string> ids;
  for (const SourceFile& source : sources) {
    if (!starts_with(source.path, "src/card/tasks/") || is_test(source.path)) continue;
    for (const std::string& line : source.lines) {
      const std::size_t at = line.find(kMark);
      if (at == std::string::npos) continue;
      const std::size_t begin = at + kMark.size();
      ids.push_back(line.substr(begin, line.find('"', begin) - begin));
    }
  }
  return ids;
}

std::vector<Finding> check_task_literals(const SourceFile& file,
                                         const std::vector<std::string>& ids,
                                         const std::vector<TableRow>& dialects) {
  static constexpr std::array<std::string_view, 4> kFolders{"src/domain/", "src/scheduler/",
                                                            "src/protocol/", "src/http/"};
  const bool watched = std::ranges::any_of(kFolders, [&](std::string_view folder) {
    return starts_with(file.path, std::string(folder));
  });
  if (!watched || is_test(file.path) || longest_row(dialects, file.path) != nullptr) return {};
  std::vector<Finding> found;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    for (const std::string& id : ids) {
      const std::size_t at = file.lines[i].find('"' + id + '"');
      // In a comment the quotes are blanked, too.
      if (at == std::string::npos || file.code[i][at] != '"') continue;
      found.push_back({file.path, i + 1,
                       "the id of the task '" + id +
                           "' stands here: use its description (card/task.h), or move the line "
                           "to a dialect's file (tools/tidy/dialects.txt)"});
    }
  }
  return found;
}

std::vector<Finding> check_words(const std::string& path) {
  struct Word {
    const char* banned;
    const char* instead;
  };
  static constexpr std::array<Word, 7> kWords{{
      {"manager", "what it does: store, pool, supervisor, scheduler"},
      {"helper", "what it does: reader, writer, rule"},
      {"helpers", "what it does: reader, writer, rule"},
      {"util", "the thing it works on: strings, files, clock"},
      {"utils", "the thing it works on: strings, files, clock"},
      {"common", "the idea that is shared"},
      {"misc", "one file per idea"},
  }};
  const std::size_t slash = path.rfind('/');
  std::string stem = path.substr(slash == std::string::npos ? 0 : slash + 1);
  stem = stem.substr(0, stem.find('.'));
  if (ends_with(stem, "_test")) stem.resize(stem.size() - 5);
  std::transform(stem.begin(), stem.end(), stem.begin(), [](unsigned char character) {
    return static_cast<char>(std::tolower(character));
  });
  if (stem == "base") return {{path, 0, "'base' is not specific: name what it is the base of"}};
  for (const Word& word : kWords) {
    const std::string banned = word.banned;
    if (stem == banned || starts_with(stem, banned + "_") || ends_with(stem, "_" + banned)) {
      return {{path, 0, "'" + banned + "' is not specific: name " + word.instead}};
    }
  }
  return {};
}

std::vector<Finding> check_size(const SourceFile& file) {
  const std::size_t limit = ends_with(file.path, ".h")                            ? 250
                            : starts_with(file.path, "src/engine/models/")        ? 1200
                            : is_test(file.path) || !ends_with(file.path, ".cpp") ? 800
                                                                                  : 500;
  if (file.lines.size() <= limit) return {};
  return {{file.path, 0, std::to_string(file.lines.size()) + " lines: is it still one idea?"}};
}

std::vector<Finding> check_tests_exist(const std::vector<ListedFile>& files,
                                       const std::vector<TableRow>& untested) {
  std::set<std::string> present;
  for (const ListedFile& file : files) present.insert(file.path);
  std::vector<Finding> found;
  for (const ListedFile& file : files) {
    const std::string path = below_src(file.path);
    if (path.empty() || !ends_with(path, ".cpp") || is_test(path)) continue;
    const std::string test = file.path.substr(0, file.path.size() - 4) + "_test.cpp";
    if (present.count(test) != 0) continue;
    const bool listed = std::any_of(untested.begin(), untested.end(), [&](const TableRow& row) {
      return row.name == file.path || row.name == folder_of(file.path) + "/";
    });
    if (!listed) {
      found.push_back({file.path, 0,
                       "no " + test +
                           " beside it: write one, or say in tools/tidy/untested.txt which test "
                           "covers it"});
    }
  }
  for (const TableRow& row : untested) {
    const bool here = ends_with(row.name, "/") || present.count(row.name) != 0;
    if (!here || row.entries.empty() || present.count(row.entries[0]) == 0) {
      found.push_back({"tools/tidy/untested.txt", 0,
                       "'" + row.name + "' or its test is gone: correct the line or take it out"});
    }
  }
  return found;
}

std::vector<Finding> check_folders(const std::vector<ListedFile>& files, const std::string& map) {
  std::set<std::string> present;
  std::set<std::string> folders;
  for (const ListedFile& file : files) {
    present.insert(file.path);
    const std::string folder = folder_of(file.path);
    const bool holds_code = ends_with(file.path, ".cpp") || ends_with(file.path, ".h");
    if (starts_with(folder, "src/") && holds_code) folders.insert(folder);
  }
  std::vector<Finding> found;
  for (const std::string& folder : folders) {
    if (map.find("`" + folder.substr(4) + "/`") == std::string::npos) {
      found.push_back(
          {folder, 0,
           "not in the map of docs/architecture.md: add a row for `" + folder.substr(4) + "/`"});
    }
    const std::string readme = folder + "/README.md";
    if (present.count(readme) == 0) {
      found.push_back({folder, 0,
                       "no README.md: at most 15 lines on what belongs here, what does not, what "
                       "to read first"});
    }
  }
  return found;
}

std::vector<Finding> check_blobs(const std::vector<ListedFile>& files) {
  std::vector<Finding> found;
  for (const ListedFile& file : files) {
    if (file.size > kBlobBytesMax && !starts_with(file.path, "starter/")) {
      found.push_back(
          {file.path, 0,
           std::to_string(file.size) + " bytes: over 1 MB only the starter pack is kept"});
    }
  }
  return found;
}

}  // namespace atelier::tidy
