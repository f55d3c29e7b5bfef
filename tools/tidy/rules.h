// The house rules that a machine can check. Each takes plain data and returns what it found, so
// that tidy_test can show both that the project is clean and that a rule sees what it should. No
// side effects; nothing throws.
#pragma once

#include <string>
#include <vector>

#include "files.h"

namespace atelier::tidy {

struct Finding {
  std::string path;
  std::size_t line = 0;  // 1-based; 0: the file as a whole
  std::string message;   // what is wrong and what to do
};

// One line of include_table.txt or libraries.txt: a name and the folders or files that belong to
// it.
struct TableRow {
  std::string name;
  std::vector<std::string> entries;
};
std::vector<TableRow> parse_table(const std::vector<std::string>& lines);

std::vector<Finding> check_includes(const SourceFile& file, const std::vector<TableRow>& table);
std::vector<Finding> check_libraries(const SourceFile& file,
                                     const std::vector<TableRow>& libraries);
std::vector<Finding> check_catch(const SourceFile& file, const std::vector<TableRow>& allowed);
// A text that is cut at a number of bytes: platform::cut() does it between code points.
std::vector<Finding> check_cuts(const SourceFile& file);
// Ids of tasks, as the descriptions in src/card/tasks/ give them.
std::vector<std::string> task_ids(const std::vector<SourceFile>& sources);
// A task's id as a string literal where every task must be treated alike: `domain`, `scheduler`,
// `protocol`, and `http` outside of `dialects`.
std::vector<Finding> check_task_literals(const SourceFile& file,
                                         const std::vector<std::string>& ids,
                                         const std::vector<TableRow>& dialects);
std::vector<Finding> check_words(const std::string& path);
std::vector<Finding> check_size(const SourceFile& file);  // guidance, not failures

std::vector<Finding> check_tests_exist(const std::vector<ListedFile>& files,
                                       const std::vector<TableRow>& untested);
std::vector<Finding> check_folders(const std::vector<ListedFile>& files, const std::string& map);
std::vector<Finding> check_blobs(const std::vector<ListedFile>& files);

}  // namespace atelier::tidy
