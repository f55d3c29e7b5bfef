#include "prose.h"

#include <algorithm>
#include <cctype>
#include <sstream>

namespace atelier::tidy {
namespace {

struct Word {
  std::string text;  // in lower case
  std::size_t line;
  bool follows = false;  // only space, quotes and comment marks between it and the one before
};

std::vector<std::string> split_words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// The text outside of code, without what stands in backticks.
std::string prose_of(const SourceFile& file, std::size_t index) {
  std::string prose = file.lines[index];
  bool quoted = false;
  for (std::size_t i = 0; i < prose.size(); ++i) {
    const bool code = !file.code.empty() && file.code[index][i] != ' ';
    if (prose[i] == '`') quoted = !quoted;
    if (quoted || prose[i] == '`') prose[i] = '.';
    if (code) prose[i] = file.code[index][i] == '"' ? ' ' : '.';
  }
  return prose;
}

std::vector<Word> words_of(const SourceFile& file) {
  std::vector<Word> words;
  bool fenced = false;
  bool follows = false;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    if (file.code.empty() && file.lines[i].rfind("```", 0) == 0) fenced = !fenced;
    if (fenced) continue;
    const std::string prose = prose_of(file, i);
    for (std::size_t at = 0; at < prose.size();) {
      if (!is_word(prose[at])) {
        follows = follows && std::string(" /\"*").find(prose[at]) != std::string::npos;
        ++at;
        continue;
      }
      std::string text;
      while (at < prose.size() && is_word(prose[at])) {
        text += static_cast<char>(std::tolower(static_cast<unsigned char>(prose[at++])));
      }
      words.push_back({std::move(text), i + 1, follows});
      follows = true;
    }
  }
  return words;
}

bool stands_at(const BannedPhrase& phrase, const std::vector<Word>& words, std::size_t at) {
  if (at + phrase.words.size() > words.size()) return false;
  for (std::size_t i = 0; i < phrase.words.size(); ++i) {
    const Word& word = words[at + i];
    if (word.text != phrase.words[i] || (i > 0 && !word.follows)) return false;
  }
  if (at == 0 || !words[at].follows) return true;
  return std::ranges::find(phrase.unless_after, words[at - 1].text) == phrase.unless_after.end();
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

ProseRules parse_prose(const std::vector<std::string>& lines) {
  const std::string arrow = " -> ";
  const std::string unless = "(unless after:";
  ProseRules rules;
  for (const std::string& line : lines) {
    if (line.rfind("- ", 0) == 0) {
      rules.not_swept.push_back(line.substr(2));
      continue;
    }
    const std::size_t at = line.find(arrow);
    if (at == std::string::npos) continue;
    std::string phrase = line.substr(0, at);
    std::vector<std::string> after;
    if (const std::size_t open = phrase.find(unless); open != std::string::npos) {
      const std::size_t begin = open + unless.size();
      after = split_words(phrase.substr(begin, phrase.find(')', begin) - begin));
      phrase.resize(open);
    }
    rules.phrases.push_back(
        {split_words(phrase), std::move(after), line.substr(at + arrow.size())});
  }
  return rules;
}

bool is_swept(const std::string& path, const ProseRules& rules) {
  return std::ranges::none_of(rules.not_swept, [&](const std::string& entry) {
    return path == entry || (entry.ends_with('/') && path.rfind(entry, 0) == 0);
  });
}

std::vector<Finding> check_prose(const SourceFile& file, const ProseRules& rules) {
  std::vector<Finding> found;
  const std::vector<Word> words = words_of(file);
  for (std::size_t at = 0; at < words.size(); ++at) {
    for (const BannedPhrase& phrase : rules.phrases) {
      if (!stands_at(phrase, words, at)) continue;
      found.push_back({file.path, words[at].line,
                       "'" + joined(phrase.words) + "': write " + phrase.instead +
                           " (tools/tidy/prose.txt, docs/style.md)"});
    }
  }
  return found;
}

}  // namespace atelier::tidy
