#include "engine/tokenizers/clip_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "platform/error.h"

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;

const json::object& golden() {
  static const json::value value = [] {
    std::ifstream stream(ATELIER_SOURCE_DIR "/tests/golden/tokenizer_clip.json");
    return json::parse(std::string{std::istreambuf_iterator<char>(stream), {}});
  }();
  return value.as_object();
}

std::vector<std::int64_t> ids_of(const json::value& row) {
  return json::value_to<std::vector<std::int64_t>>(row.at("ids"));
}

std::string text_of(const json::value& row) { return std::string(row.at("text").as_string()); }

void write(const fs::path& path, std::string_view text) { std::ofstream(path) << text; }

class TokenizerFolder {
 public:
  TokenizerFolder()
      : path_(fs::temp_directory_path() / ("clip_tokenizer_" + std::to_string(getpid()))) {
    fs::create_directories(path_);
    write(
        path_ / "vocab.json",
        R"({"a":0,"b":1,"a</w>":2,"b</w>":3,"ab</w>":4,"<|startoftext|>":5,"<|endoftext|>":6,"!":7})");
    write(path_ / "merges.txt", "#version: 0.2\na b</w>\n");
  }
  ~TokenizerFolder() { fs::remove_all(path_); }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::string error_of(const fs::path& folder) {
  try {
    ClipTokenizer::from_folder(folder);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
    return error.what();
  }
  return "no error";
}

TEST(ClipTokenizer, GivesTheReferencesIdsForNastyText) {
  const struct {
    const char *name, *pad;
  } kinds[] = {{"tokenizer", "<|endoftext|>"}, {"tokenizer_2", "!"}};
  for (const auto& kind : kinds) {
    const ClipTokenizer tokenizer = ClipTokenizer::built_in(kind.pad);
    const json::array& rows = golden().at(kind.name).as_array();
    ASSERT_GT(rows.size(), 200u);
    for (const json::value& row : rows) {
      EXPECT_EQ(tokenizer.encode(text_of(row)), ids_of(row)) << kind.name << ": " << text_of(row);
    }
    for (const json::value& row : golden().at(std::string(kind.name) + "_padded").as_array()) {
      EXPECT_EQ(tokenizer.encode_padded(text_of(row), 77), ids_of(row)) << text_of(row);
    }
  }
}

TEST(ClipTokenizer, KnowsThePublishedIds) {
  const ClipTokenizer tokenizer = ClipTokenizer::built_in();
  EXPECT_EQ(tokenizer.vocabulary_size(), 49408u);
  EXPECT_EQ(tokenizer.begin_id(), 49406);
  EXPECT_EQ(tokenizer.end_id(), 49407);
  EXPECT_EQ(tokenizer.id_of(",</w>"), 267);
  EXPECT_EQ(tokenizer.id_of("no such piece"), -1);
  EXPECT_EQ(ClipTokenizer::built_in("!").pad_id(), 0);
}

TEST(ClipTokenizer, TakesTheEndMarkAsPlainTextWhenAsked) {
  const ClipTokenizer tokenizer = ClipTokenizer::built_in();
  EXPECT_THAT(tokenizer.encode("a<|endoftext|>b"), ElementsAre(320, 49407, 321));
  const auto plain = tokenizer.encode("a<|endoftext|>b", SpecialText::kAsPlainText);
  EXPECT_THAT(plain, testing::Not(testing::Contains(49407)));
  EXPECT_GT(plain.size(), 4u);
  // The second tokenizer's pad token is an ordinary exclamation mark in either mode.
  EXPECT_EQ(ClipTokenizer::built_in("!").encode("cat!", SpecialText::kAsPlainText),
            ClipTokenizer::built_in("!").encode("cat!"));
}

TEST(ClipTokenizer, CutsAndPadsToTheLength) {
  const ClipTokenizer tokenizer = ClipTokenizer::built_in("!");
  EXPECT_THAT(tokenizer.encode_padded("cat", 8), ElementsAre(49406, 2368, 49407, 0, 0, 0, 0, 0));
  EXPECT_THAT(tokenizer.encode_padded("cat cat cat", 4), ElementsAre(49406, 2368, 2368, 49407));
}

TEST(ClipTokenizer, TakesIdsAndPadFromTheFolder) {
  const TokenizerFolder folder;
  write(folder.path() / "special_tokens_map.json", R"({"pad_token": {"content": "!"}})");
  write(folder.path() / "tokenizer_config.json", R"({"model_max_length": 16})");
  const ClipTokenizer tokenizer = ClipTokenizer::from_folder(folder.path());
  EXPECT_EQ(tokenizer.begin_id(), 5);
  EXPECT_EQ(tokenizer.end_id(), 6);
  EXPECT_EQ(tokenizer.pad_id(), 7);
  EXPECT_EQ(tokenizer.max_length(), 16u);
  EXPECT_THAT(tokenizer.encode("AB ba c"), ElementsAre(4, 1, 2, 6));  // c is unknown
}

TEST(ClipTokenizer, ReadsTheSingleFileForm) {
  const TokenizerFolder folder;
  fs::remove(folder.path() / "vocab.json");
  fs::remove(folder.path() / "merges.txt");
  write(folder.path() / "tokenizer.json",
        R"({"model":{"vocab":{"a":0,"b":1,"ab</w>":2,"b</w>":3,"<|startoftext|>":4,)"
        R"("<|endoftext|>":5},"merges":[["a","b</w>"]]}})");
  EXPECT_THAT(ClipTokenizer::from_folder(folder.path()).encode("ab"), ElementsAre(2));
}

TEST(ClipTokenizer, ReportsTheErrorOfBrokenFiles) {
  const TokenizerFolder folder;
  write(folder.path() / "merges.txt", "#version: 0.2\na x</w>\n");
  EXPECT_THAT(error_of(folder.path()), HasSubstr("which is not in its vocabulary"));
  write(folder.path() / "merges.txt", "a b c\n");
  EXPECT_THAT(error_of(folder.path()), HasSubstr("not a merge of two symbols"));
  fs::remove(folder.path() / "merges.txt");
  EXPECT_THAT(error_of(folder.path()), HasSubstr("merges.txt"));
  write(folder.path() / "vocab.json", R"({"a": -1})");
  EXPECT_THAT(error_of(folder.path()), HasSubstr("no valid id"));
  write(folder.path() / "vocab.json", "{");
  EXPECT_THAT(error_of(folder.path()), HasSubstr("not valid JSON"));
}

TEST(ClipTokenizer, RefusesASpecialTokenThatTheVocabularyLacks) {
  const TokenizerFolder folder;
  write(folder.path() / "special_tokens_map.json", R"({"eos_token": "</s>"})");
  EXPECT_THAT(error_of(folder.path()), HasSubstr("'</s>'"));
}

}  // namespace
}  // namespace atelier::engine
