#include "json/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "platform/utf8.h"

namespace atelier::json {
namespace {

enum class Mode { kLowVram, kHigh };
BOOST_DESCRIBE_ENUM(Mode, kLowVram, kHigh)

struct Inner {
  double weight = 1;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (weight))

struct Outer {
  std::string name = "none";
  int count = 3;
  std::uint64_t seed = 0;
  std::optional<bool> flag;
  std::vector<Inner> items;
  Mode mode = Mode::kHigh;
  std::vector<std::string> texts;
  std::map<std::string, std::string> named;
};
BOOST_DESCRIBE_STRUCT(Outer, (), (name, count, seed, flag, items, mode, texts, named))

std::string failure_of(std::string_view text) {
  try {
    read_json<Outer>(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST(DescribedJson, MissingMembersKeepTheirDefaults) {
  const auto value = read_json<Outer>("{\"flag\":null}");
  EXPECT_EQ(value.name, "none");
  EXPECT_EQ(value.count, 3);
  EXPECT_FALSE(value.flag.has_value());
}

TEST(DescribedJson, ReadsEverything) {
  const auto value = read_json<Outer>(
      R"({"name":"a","count":2.0,"seed":18446744073709551615,"flag":true,"items":[{"weight":0.5}],"mode":"low_vram"})");
  EXPECT_EQ(value.count, 2);
  EXPECT_EQ(value.seed, 18446744073709551615ULL);
  EXPECT_EQ(value.flag, true);
  ASSERT_EQ(value.items.size(), 1U);
  EXPECT_EQ(value.items[0].weight, 0.5);
  EXPECT_EQ(value.mode, Mode::kLowVram);
}

TEST(DescribedJson, UnknownKeysAreListed) {
  ReadReport report;
  read_json<Outer>(R"({"nme":1,"items":[{"wait":2}]})", &report);
  EXPECT_EQ(report.unknown, (std::vector<std::string>{"/items/0/wait", "/nme"}));
}

TEST(DescribedJson, RefusalsNameThePlace) {
  EXPECT_EQ(failure_of(R"({"items":[{},{"weight":"x"}]})"), "/items/1/weight: expected a number");
  EXPECT_THAT(failure_of(R"({"count":1.5})"), testing::HasSubstr("/count"));
  EXPECT_THAT(failure_of(R"({"count":99999999999})"), testing::HasSubstr("in range"));
  EXPECT_THAT(failure_of(R"({"items":[{"weight":1e400}]})"), testing::HasSubstr("finite"));
  EXPECT_THAT(failure_of(R"({"mode":"middling"})"), testing::HasSubstr("low_vram, high"));
  EXPECT_THAT(failure_of("[1]"), testing::HasSubstr("expected an object"));
  try {
    read_json<Outer>(R"({"items":[{"weight":"x"}]})");
    FAIL() << "it was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.field(), "/items/0/weight");
  }
}

TEST(DescribedJson, WhatIsNotJsonIsRefused) {
  EXPECT_THAT(failure_of("{\"name\":"), testing::HasSubstr("not JSON"));
  EXPECT_THAT(failure_of("{} x"), testing::HasSubstr("not JSON"));
  EXPECT_THAT(failure_of(std::string(100, '[')), testing::HasSubstr("not JSON"));
  EXPECT_THAT(failure_of("{\"name\":\"\xff\"}"), testing::HasSubstr("not JSON"));
}

TEST(DescribedJson, SurvivesARoundTrip) {
  Outer value;
  value.name = "a \"quoted\"\n\x01 text";
  value.items = {{0.1}, {1e300}};
  const std::string text = write_json(value);
  EXPECT_THAT(text, testing::HasSubstr("\"weight\":0.1}"));
  const auto again = read_json<Outer>(text);
  EXPECT_EQ(again.name, value.name);
  EXPECT_EQ(again.items[1].weight, 1e300);
}

// All output of the writer can be read, and valid text is read back unchanged.
TEST(DescribedJson, AnyTextAndAnyNumberCanBeWrittenAndRead) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 3000; ++i) {
    Outer value;
    for (auto size = random() % 50; size > 0; --size) value.name += static_cast<char>(random());
    std::string letters;
    for (auto size = random() % 50; size > 0; --size) {
      platform::append_utf8(letters, static_cast<char32_t>(random() % 0x110000) >> random() % 17);
    }
    letters = platform::valid_utf8(letters);  // a surrogate is not a character
    value.seed = random();
    value.texts = {letters, value.name};
    value.named[value.name] = letters;
    value.items = {{std::bit_cast<double>(random())}, {static_cast<double>(random()) * 1e-19}};
    const auto text = write_json(value);
    ASSERT_TRUE(platform::is_utf8(text));
    const auto again = read_json<Outer>(text);
    EXPECT_EQ(again.name, platform::valid_utf8(value.name));
    EXPECT_EQ(again.seed, value.seed);
    ASSERT_EQ(again.texts.size(), 2U);
    EXPECT_EQ(again.texts[0], letters);
    EXPECT_EQ(again.named.begin()->second, letters);
    if (std::isfinite(value.items[0].weight)) {
      EXPECT_DOUBLE_EQ(again.items[0].weight, value.items[0].weight);
    }
    EXPECT_DOUBLE_EQ(again.items[1].weight, value.items[1].weight);
  }
}

TEST(DescribedJson, InfinityIsNeverWritten) {
  EXPECT_EQ(write_json(std::numeric_limits<double>::infinity()), "null");
}

TEST(DescribedJson, SaysWhatATextIsThatIsNoJson) {
  using testing::HasSubstr;
  EXPECT_THAT(failure_of("\x1f\x8b\x08"), HasSubstr("not JSON but gzip"));
  EXPECT_THAT(failure_of(""), HasSubstr("not JSON but empty"));
  EXPECT_THAT(failure_of("prompt=a+cat&steps=5"), HasSubstr("but form fields"));
  EXPECT_THAT(failure_of("--x\r\nContent-Disposition: form-data"), HasSubstr("a multipart form"));
  EXPECT_THAT(failure_of(std::string("{\0\"\0", 4)), HasSubstr("but UTF-16"));
  EXPECT_THAT(failure_of(" <!doctype html>"), HasSubstr("but HTML or XML"));
  EXPECT_THAT(failure_of("\x89PNG\r\n"), HasSubstr("but a picture's file"));
  EXPECT_THAT(failure_of("nul"), HasSubstr("not JSON: "));
}

TEST(DescribedJson, AByteOrderMarkInFrontIsIgnored) {
  EXPECT_EQ(parse("\xef\xbb\xbf{\"a\":1}").at("a"), 1);
}

}  // namespace
}  // namespace atelier::json
