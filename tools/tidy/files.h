// The project's files as tidy reads them. Called by tidy_test from one thread; throws
// std::runtime_error when git or a file cannot be read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace atelier::tidy {

struct SourceFile {
  std::string path;                // from the project's root: "src/platform/error.h"
  std::vector<std::string> lines;  // as they stand
  std::vector<std::string> code;  // the same lines with comments and the insides of strings blanked
};

// Files that git tracks or would add; `size` is that of the working copy.
struct ListedFile {
  std::string path;
  std::uintmax_t size = 0;
};

struct CommandResult {
  int status = 0;
  std::string output;
};
CommandResult run(const std::string& shell_command);

std::vector<ListedFile> list_files(const std::filesystem::path& root);
SourceFile parse_source(std::string path, const std::string& text);
std::string read_text(const std::filesystem::path& path);

// Lines of a data file without comments and blank lines.
std::vector<std::string> read_data_lines(const std::filesystem::path& path);

}  // namespace atelier::tidy
