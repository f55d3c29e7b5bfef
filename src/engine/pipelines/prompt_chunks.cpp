#include "engine/pipelines/prompt_chunks.h"

namespace atelier::engine {
namespace {

TokenRow finished(const TokenRow& tokens, const PromptRules& rules) {
  TokenRow row{rules.begin};
  row.insert(row.end(), tokens.begin(), tokens.end());
  row.push_back(rules.end);
  row.resize(rules.length, rules.pad);
  return row;
}

}  // namespace

std::vector<TokenRow> chunk_tokens(const std::vector<std::int64_t>& tokens,
                                   const PromptRules& rules) {
  const std::size_t room = rules.length - 2;
  std::vector<TokenRow> rows;
  TokenRow current;
  std::size_t after_comma = 0;  // 0: no comma in this row
  for (const std::int64_t token : tokens) {
    if (current.size() == room) {
      TokenRow moved;
      const bool near = after_comma != 0 && room - after_comma < rules.backtrack;
      if (near && token != rules.comma) {
        moved.assign(current.begin() + static_cast<std::ptrdiff_t>(after_comma), current.end());
        current.resize(after_comma);
      }
      rows.push_back(finished(current, rules));
      current = std::move(moved);
      after_comma = 0;
    }
    current.push_back(token);
    if (token == rules.comma) {
      after_comma = current.size();
    }
  }
  if (!current.empty() || rows.empty()) {
    rows.push_back(finished(current, rules));
  }
  return rows;
}

}  // namespace atelier::engine
