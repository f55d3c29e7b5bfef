#include "http/endpoints/seed_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/error.h"

namespace atelier::http {
namespace {

namespace bj = boost::json;
using card::NegativeSeeds;

bj::value settled(const char* fields, NegativeSeeds negative = NegativeSeeds::kMinusOneIsAny) {
  auto object = bj::parse(fields).as_object();
  settle_seed(object, "/input", negative);
  return object.contains("seed") ? object.at("seed") : bj::value(nullptr);
}

std::string refusal(const char* fields, NegativeSeeds negative = NegativeSeeds::kMinusOneIsAny) {
  try {
    settled(fields, negative);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    // Reading a text writes the place into the sentence.
    return error.field().empty() ? error.what() : error.field() + ": " + error.what();
  }
  ADD_FAILURE() << fields << " was taken";
  return "";
}

TEST(SeedFields, TheTextCarriesAll64Bits) {
  constexpr auto kMost = 18446744073709551615ULL;
  EXPECT_EQ(settled(R"({"seed_text":"18446744073709551615"})"), kMost);
  EXPECT_EQ(settled(R"({"seed":18446744073709551615})"), kMost);
  // As JavaScript sends back what it has read.
  EXPECT_EQ(settled(R"({"seed":18446744073709552000,"seed_text":"18446744073709551615"})"), kMost);
  EXPECT_EQ(settled(R"({"seed":9007199254740992,"seed_text":"9007199254740993"})"),
            9007199254740993ULL);
  EXPECT_EQ(settled(R"({"seed":7,"seed_text":""})"), 7);
  EXPECT_EQ(settled(R"({"seed":7,"seed_text":null})"), 7);
  EXPECT_EQ(settled(R"({"seed_text":"0"})"), 0U);
}

TEST(SeedFields, ANumberThatIsAnotherOneIsRefused) {
  EXPECT_THAT(refusal(R"({"seed":7,"seed_text":"8"})"), testing::HasSubstr("/input/seed_text"));
  refusal(R"({"seed":7,"seed_text":"-1"})");
  EXPECT_TRUE(settled(R"({"seed":-1,"seed_text":"-1"})").is_null());
}

TEST(SeedFields, MinusOneMeansAnyAndOtherNegativesOnlyForOldClients) {
  for (const char* any : {R"({"seed":-1})", R"({"seed":-1.0})", R"({"seed":null})",
                          R"({"seed_text":"-1"})", R"({})"}) {
    EXPECT_TRUE(settled(any).is_null()) << any;
    EXPECT_TRUE(settled(any, NegativeSeeds::kAllAreAny).is_null()) << any;
  }
  for (const char* below :
       {R"({"seed":-2})", R"({"seed":-9223372036854775808})", R"({"seed":-1e30})",
        R"({"seed_text":"-2"})", R"({"seed_text":"-99999999999999999999999"})"}) {
    EXPECT_THAT(refusal(below), testing::HasSubstr("18446744073709551615, or -1 for any"));
    EXPECT_TRUE(settled(below, NegativeSeeds::kAllAreAny).is_null()) << below;
  }
}

TEST(SeedFields, AnInvalidSeedIsRefusedWithItsField) {
  for (const char* text : {"1.5", "seven", "0x10", " 7", "+7", "--1", "-", "1e3",
                           "18446744073709551616", "999999999999999999999999"}) {
    const auto fields = R"({"seed_text":")" + std::string{text} + "\"}";
    EXPECT_THAT(refusal(fields.c_str()), testing::HasSubstr("/input/seed_text: invalid seed '"));
    refusal(fields.c_str(), NegativeSeeds::kAllAreAny);
  }
  EXPECT_THAT(refusal(R"({"seed":18446744073709551616})"), testing::HasSubstr("/input/seed: "));
  EXPECT_THAT(refusal(R"({"seed_text":7})"), testing::HasSubstr("/input/seed_text: "));
}

}  // namespace
}  // namespace atelier::http
