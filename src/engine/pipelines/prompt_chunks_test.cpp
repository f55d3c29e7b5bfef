#include "engine/pipelines/prompt_chunks.h"

#include <gtest/gtest.h>

#include <numeric>

namespace atelier::engine {
namespace {

PromptRules rules() {
  return {.begin = 900, .end = 901, .pad = 902, .comma = 267, .length = 77, .backtrack = 20};
}

std::vector<std::int64_t> counting(std::size_t count) {
  std::vector<std::int64_t> tokens(count);
  std::iota(tokens.begin(), tokens.end(), std::int64_t{1000});
  return tokens;
}

TEST(PromptChunks, WhatFitsIsOneRowPaddedAfterItsEnd) {
  const auto rows = chunk_tokens(counting(3), rules());
  ASSERT_EQ(rows.size(), 1U);
  ASSERT_EQ(rows[0].size(), 77U);
  EXPECT_EQ(TokenRow(rows[0].begin(), rows[0].begin() + 6),
            (TokenRow{900, 1000, 1001, 1002, 901, 902}));
  EXPECT_EQ(rows[0].back(), 902);
  EXPECT_EQ(chunk_tokens({}, rules()).size(), 1U);
  EXPECT_EQ(chunk_tokens(counting(75), rules()).size(), 1U);
}

TEST(PromptChunks, WhatIsLongerBecomesRowsOfSeventyFive) {
  const auto rows = chunk_tokens(counting(160), rules());
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0][76], 901);
  EXPECT_EQ(rows[1][1], 1075);
  EXPECT_EQ(rows[2][10], 1159);
  EXPECT_EQ(rows[2][11], 901);
}

TEST(PromptChunks, ACommaNearTheEndOfARowIsWhereItBreaks) {
  auto tokens = counting(90);
  tokens[60] = 267;
  const auto rows = chunk_tokens(tokens, rules());
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0][61], 267);
  EXPECT_EQ(rows[0][62], 901);
  EXPECT_EQ(rows[1][1], 1061);
}

TEST(PromptChunks, ACommaFarBackIsNot) {
  auto tokens = counting(90);
  tokens[40] = 267;
  EXPECT_EQ(chunk_tokens(tokens, rules())[1][1], 1075);
}

}  // namespace
}  // namespace atelier::engine
