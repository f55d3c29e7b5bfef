#include "files.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace atelier::tidy {
namespace {

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Blanks comments and the insides of string and character literals, keeping every line's length.
// `#include "x"` keeps its path: that is what the include rule reads.
class Blanker {
 public:
  std::string line(const std::string& raw) {
    if (!in_comment_ && !in_raw_string_ && raw.find("#include") != std::string::npos) return raw;
    std::string out(raw.size(), ' ');
    for (std::size_t i = 0; i < raw.size(); ++i) i = step(raw, i, out);
    quote_ = '\0';
    return out;
  }

 private:
  std::size_t step(const std::string& raw, std::size_t i, std::string& out) {
    if (in_raw_string_) return end_raw_string(raw, i);
    if (in_comment_) {
      if (raw.compare(i, 2, "*/") != 0) return i;
      in_comment_ = false;
      return i + 1;
    }
    if (quote_ != '\0') {
      if (raw[i] == '\\') return i + 1;
      if (raw[i] == quote_) quote_ = '\0';
      return i;
    }
    if (raw.compare(i, 2, "//") == 0) return raw.size();
    if (raw.compare(i, 2, "/*") == 0) {
      in_comment_ = true;
      return i + 1;
    }
    if (raw.compare(i, 2, "R\"") == 0) return begin_raw_string(raw, i);
    const bool digit_separator =
        raw[i] == '\'' && i > 0 && std::isxdigit(static_cast<unsigned char>(raw[i - 1]));
    if (raw[i] == '"' || (raw[i] == '\'' && !digit_separator)) quote_ = raw[i];
    out[i] = raw[i];
    return i;
  }

  std::size_t begin_raw_string(const std::string& raw, std::size_t i) {
    const std::size_t open = raw.find('(', i);
    raw_end_ = ")" + raw.substr(i + 2, open == std::string::npos ? 0 : open - i - 2) + "\"";
    in_raw_string_ = true;
    return open == std::string::npos ? raw.size() : open;
  }

  std::size_t end_raw_string(const std::string& raw, std::size_t i) {
    const std::size_t end = raw.find(raw_end_, i);
    if (end == std::string::npos) return raw.size();
    in_raw_string_ = false;
    return end + raw_end_.size() - 1;
  }

  bool in_comment_ = false;
  bool in_raw_string_ = false;
  char quote_ = '\0';
  std::string raw_end_;
};

}  // namespace

std::string read_text(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot read " + path.string());
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::vector<std::string> read_data_lines(const std::filesystem::path& path) {
  std::vector<std::string> kept;
  for (std::string& line : split_lines(read_text(path))) {
    if (!line.empty() && line[0] != '#') kept.push_back(std::move(line));
  }
  return kept;
}

SourceFile parse_source(std::string path, const std::string& text) {
  SourceFile file{std::move(path), split_lines(text), {}};
  Blanker blanker;
  for (const std::string& line : file.lines) file.code.push_back(blanker.line(line));
  return file;
}

CommandResult run(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run: " + command);
  CommandResult result;
  std::array<char, 4096> buffer;
  while (const std::size_t count = fread(buffer.data(), 1, buffer.size(), pipe)) {
    result.output.append(buffer.data(), count);
  }
  result.status = pclose(pipe);
  return result;
}

std::vector<ListedFile> list_files(const std::filesystem::path& root) {
  const auto [status, listing] = run("git -c safe.directory='*' -C '" + root.string() +
                                     "' ls-files --cached --others --exclude-standard");
  if (status != 0) throw std::runtime_error("git ls-files failed: is this a git checkout?");
  std::vector<ListedFile> files;
  for (const std::string& path : split_lines(listing)) {
    std::error_code gone;  // listed but deleted in the working copy
    const std::uintmax_t size = std::filesystem::file_size(root / path, gone);
    if (!gone) files.push_back({path, size});
  }
  return files;
}

}  // namespace atelier::tidy
