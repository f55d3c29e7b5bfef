#include "http/endpoints/loose_values.h"

#include <gtest/gtest.h>

#include "http/endpoints/image_request.h"

namespace atelier::http {
namespace {

namespace bj = boost::json;

bj::object read(const char* fields) {
  auto object = bj::parse(fields).as_object();
  read_values_in_texts<ImageBody>(object);
  return object;
}

TEST(LooseValues, NumbersAndFlagsMayStandInQuotes) {
  const auto fields =
      read(R"({"steps":"20","guidance_scale":" 7.5 ","width":"512.0","strength":"1e-1",
    "seed":"18446744073709551615","n":2,"exact_size":"True","stream":"false"})");
  EXPECT_EQ(fields.at("steps"), 20);
  EXPECT_EQ(fields.at("guidance_scale"), 7.5);
  EXPECT_EQ(fields.at("width"), 512.0);
  EXPECT_EQ(fields.at("strength"), 0.1);
  EXPECT_EQ(fields.at("seed"), 18446744073709551615ULL);
  EXPECT_EQ(fields.at("n"), 2);
  EXPECT_EQ(fields.at("exact_size"), true);
  EXPECT_EQ(fields.at("stream"), false);
}

TEST(LooseValues, AnEmptyTextIsNull) {
  const auto fields = read(R"({"steps":"","seed":"  ","stream":""})");
  for (const char* name : {"steps", "seed", "stream"}) EXPECT_TRUE(fields.at(name).is_null());
}

TEST(LooseValues, TextsStayTexts) {
  const auto fields = read(R"({"prompt":"12","size":"","model":"5","unknown":"7","image":""})");
  for (const char* name : {"prompt", "size", "model", "unknown", "image"}) {
    EXPECT_TRUE(fields.at(name).is_string()) << name;
  }
}

TEST(LooseValues, AmbiguousTextsAreLeftToBeRefused) {
  for (const char* text : {"many", "1,5", "0x10", "5 steps", "+5", "1..2", "[1]", "null", "NaN"}) {
    bj::object fields{{"steps", text}};
    read_values_in_texts<ImageBody>(fields);
    EXPECT_EQ(fields.at("steps"), text);
  }
  bj::object fields{{"stream", "yes"}};
  read_values_in_texts<ImageBody>(fields);
  EXPECT_EQ(fields.at("stream"), "yes");
}

}  // namespace
}  // namespace atelier::http
