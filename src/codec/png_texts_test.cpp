#include "codec/png_texts.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string_view>

#include "platform/error.h"

namespace atelier::codec {
namespace {

using Bytes = std::vector<std::uint8_t>;

void append_chunk(std::string& out, const std::string& type, const std::string& data) {
  const auto put = [&](unsigned long value) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
  };
  put(data.size());
  out += type + data;
  const std::string body = type + data;
  put(::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size())));
}

// A PNG as far as chunks go; its pixels are not used here.
Bytes png(const std::vector<std::pair<std::string, std::string>>& chunks = {}) {
  std::string out("\x89PNG\r\n\x1a\n", 8);
  append_chunk(out, "IHDR", std::string(13, '\1'));
  for (const auto& [type, data] : chunks) append_chunk(out, type, data);
  append_chunk(out, "IEND", "");
  return {out.begin(), out.end()};
}

std::string deflated(const std::string& text) {
  uLongf size = ::compressBound(text.size());
  std::string out(size, '\0');
  EXPECT_EQ(::compress(reinterpret_cast<Bytef*>(out.data()), &size,
                       reinterpret_cast<const Bytef*>(text.data()), text.size()),
            Z_OK);
  out.resize(size);
  return out;
}

std::string_view view(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(PngTexts, CompressedOnesAreLeftOutOfWhatTheLibraryReads) {
  const std::string text("k\0\0", 3);
  const auto bare = png({{"gAMA", "1234"}, {"tEXt", "k"}, {"IDAT", "data"}});
  EXPECT_EQ(without_compressed_texts(png({{"zTXt", text},
                                          {"gAMA", "1234"},
                                          {"tEXt", "k"},
                                          {"iTXt", text},
                                          {"IDAT", "data"},
                                          {"zTXt", text}})),
            bare);
  EXPECT_TRUE(without_compressed_texts(bare).empty());
  EXPECT_TRUE(without_compressed_texts({}).empty());
  auto cut = png({{"zTXt", text}});
  cut.resize(cut.size() - 5);  // what is broken stays, for the library to refuse
  EXPECT_LT(without_compressed_texts(cut).size(), cut.size());
}

TEST(PngTexts, AllTextsTogetherFitIntoAMessageHoweverTheyAreWritten) {
  std::vector<std::pair<std::string, std::string>> chunks;
  const std::string controls((std::size_t{1} << 20) - 1, '\1');
  for (char i = 0; i < 60; ++i) {
    std::string key = "k";
    key += static_cast<char>('!' + i);
    chunks.emplace_back("zTXt", key + std::string(2, '\0') + deflated(controls));
  }
  chunks.emplace_back("tEXt", "parameters" + std::string(1, '\0') + "a cat");
  const auto texts = read_png_texts(png(chunks));
  std::size_t bytes = 0;
  for (const auto& text : texts) bytes += text.key.size() + text.value.size();
  EXPECT_LE(bytes, kTextBytesTotalMax);
  EXPECT_LT(bytes * 6, std::size_t{16} << 20);  // as JSON writes them
  ASSERT_FALSE(texts.empty());
  EXPECT_EQ(texts.back().key, "parameters");  // a short one behind too long ones is read
}

TEST(PngTexts, AKeyThatIsTooLongForOneIsNoText) {
  const auto texts = read_png_texts(png({{"tEXt", std::string(80, 'k') + std::string(1, '\0')},
                                         {"tEXt", std::string(79, 'k') + std::string(1, '\0')}}));
  ASSERT_EQ(texts.size(), 1U);
  EXPECT_EQ(texts[0].key.size(), 79U);
}

TEST(PngTexts, SurviveARoundTrip) {
  const std::vector<TextEntry> texts{
      {"parameters", "a red circle\nNegative prompt: blue\nSteps: 20, Sampler: Euler, Seed: 1"},
      {"atelier", "{\"prompt\":\"gr\xC3\xBCn \xF0\x9F\x94\xB4\"}"},
      {"Comment", "gr\xC3\xBCn"},
      {"Empty", ""},
  };
  const Bytes file = with_png_texts(png(), texts);
  const auto got = read_png_texts(file);
  ASSERT_EQ(got.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(got[i].key, texts[i].key);
    EXPECT_EQ(got[i].value, texts[i].value);
  }
}

TEST(PngTexts, UseTextWhereLatin1DoesAndInternationalTextElsewhere) {
  const Bytes latin = with_png_texts(png(), {{"parameters", "gr\xC3\xBCn"}});
  EXPECT_NE(view(latin).find(std::string_view("tEXtparameters\0gr\xFCn", 19)), std::string::npos);
  const Bytes wide = with_png_texts(png(), {{"parameters", "\xE2\x82\xAC"}});
  EXPECT_NE(view(wide).find(std::string_view("iTXtparameters\0\0\0\0\0\xE2\x82\xAC", 22)),
            std::string::npos);
}

TEST(PngTexts, StandBetweenTheHeaderAndTheRest) {
  const Bytes file = with_png_texts(png({{"IDAT", "pixels"}}), {{"k", "v"}});
  EXPECT_LT(view(file).find("IHDR"), view(file).find("tEXt"));
  EXPECT_LT(view(file).find("tEXt"), view(file).find("IDAT"));
}

TEST(PngTexts, CompressedOnesAreRead) {
  const Bytes file =
      png({{"zTXt", std::string("a\0\0", 3) + deflated("gr\xFCn")},
           {"iTXt", std::string("b\0\1\0de\0titel\0", 13) + deflated("\xE2\x82\xAC")}});
  const auto texts = read_png_texts(file);
  ASSERT_EQ(texts.size(), 2U);
  EXPECT_EQ(texts[0].value, "gr\xC3\xBCn");
  EXPECT_EQ(texts[1].key, "b");
  EXPECT_EQ(texts[1].value, "\xE2\x82\xAC");
}

TEST(PngTexts, ABombIsLeftOut) {
  const Bytes file = png({{"zTXt", std::string("a\0\0", 3) + deflated(std::string(8 << 20, 'x'))},
                          {"tEXt", std::string("b\0after", 7)}});
  const auto texts = read_png_texts(file);
  ASSERT_EQ(texts.size(), 1U);
  EXPECT_EQ(texts[0].value, "after");
}

TEST(PngTexts, BrokenFilesEndTheReadingQuietly) {
  const Bytes whole = with_png_texts(png(), {{"a", "one"}, {"b", "two"}});
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    EXPECT_LE(read_png_texts({whole.data(), size}).size(), 2U);
  }
  Bytes lying = whole;
  lying[8 + 25] = 0x7f;  // the length of the first text
  EXPECT_TRUE(read_png_texts(lying).empty());
  EXPECT_TRUE(read_png_texts(png({{"iTXt", "no nul"}, {"tEXt", std::string("\0x", 2)}})).empty());
}

TEST(PngTexts, AKeyThatPngForbidsIsRefused) {
  for (const std::string& key :
       {std::string(), std::string(80, 'k'), std::string("a\nb"), std::string("\xE2\x82\xAC")}) {
    EXPECT_THROW(with_png_texts(png(), {{key, "v"}}), Error);
  }
}

}  // namespace
}  // namespace atelier::codec
