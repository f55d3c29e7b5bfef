// Transparent pixels and pixels outside a mask, from a request's file to the finished picture: with
// the real decoder; the fake engine draws over the picture and within the mask that it receives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "codec/picture_file.h"
#include "picture_bytes.h"
#include "platform/base64.h"
#include "station_process.h"

namespace atelier::api {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint32_t kSide = 64;
constexpr std::uint32_t kWhite = 0xffffffff, kBlack = 0x000000ff;

std::string base64(std::string_view bytes) {
  return platform::base64_encode(
      {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

// The left half red and transparent, the right half black and half transparent.
std::string cut_out() {
  return base64(rgba_png(kSide, kSide,
                         [](auto x, auto) { return x < kSide / 2 ? 0xff000000U : 0x00000080U; }));
}

// A square in the middle, and around it something else.
std::string mask(std::uint32_t square, std::uint32_t around) {
  return base64(rgba_png(kSide, kSide, [=](auto x, auto y) {
    return x >= 24 && x < 40 && y >= 24 && y < 40 ? square : around;
  }));
}

class TransparencyApi : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    codec::start_codecs("api_test");
    station = new StationProcess;
  }
  static void TearDownTestSuite() { delete station; }

  static std::string input_of(const std::string& image, const std::string& mask,
                              const std::string& more = "") {
    return R"({"prompt":"x","width":64,"height":64,"steps":2,"strength":1,"image":")" + image +
           R"(","mask":")" + mask + "\"" + more + "}";
  }

  // The finished job, and its picture in `image`.
  static boost::json::value made(const std::string& input, media::Image& image) {
    auto job = station->wait_for(station->submit(input), "succeeded failed");
    if (job.is_null() || !job.at("result").is_object()) {
      ADD_FAILURE() << boost::json::serialize(job) << station->log();
      return nullptr;
    }
    const std::string id{job.at("result").at("artifacts").at(0).as_string()};
    file = station->ask("GET", "/api/v1/artifacts/" + id).body;
    image = pixels_of(file);
    return job;
  }
  static media::Image pixels_of(const std::string& bytes) {
    const auto decoded = codec::decode_picture(
        {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, {});
    return decoded.image.value();
  }
  static std::array<int, 3> at(const media::Image& image, std::size_t x, std::size_t y) {
    const std::size_t i = (y * kSide + x) * 3;
    return {image.pixels.at(i), image.pixels.at(i + 1), image.pixels.at(i + 2)};
  }

  static StationProcess* station;
  static std::string file;
};
StationProcess* TransparencyApi::station = nullptr;
std::string TransparencyApi::file;

TEST_F(TransparencyApi, HiddenColourNeverShowsAndTheMatteIsWhite) {
  media::Image image;
  const auto job = made(input_of(cut_out(), mask(kWhite, kBlack)), image);
  EXPECT_THAT(at(image, 2, 2), ElementsAre(255, 255, 255));
  EXPECT_THAT(at(image, 61, 61), ElementsAre(127, 127, 127));
  EXPECT_EQ(job.at("result").at("used").at("matte"), "#ffffff");
  EXPECT_THAT(file, testing::Not(HasSubstr("Matte")));
}

TEST_F(TransparencyApi, TheMatteIsTheRequestedOne) {
  media::Image image;
  const auto job = made(input_of(cut_out(), mask(kWhite, kBlack), R"(,"matte":"#00FF00")"), image);
  EXPECT_THAT(at(image, 2, 2), ElementsAre(0, 255, 0));
  EXPECT_THAT(at(image, 61, 61), ElementsAre(0, 127, 0));
  EXPECT_EQ(job.at("input").at("matte"), "#00FF00");
  EXPECT_EQ(job.at("result").at("used").at("matte"), "#00ff00");
  EXPECT_THAT(file, HasSubstr("Matte: #00ff00"));
}

TEST_F(TransparencyApi, WithoutAMaskThePictureIsCompositedAsWell) {
  const auto with_strength = [](const char* more) {
    return R"({"prompt":"x","width":64,"height":64,"steps":20,"strength":0.05,"image":")" +
           cut_out() + "\"" + more + "}";
  };
  media::Image image;
  made(with_strength(""), image);
  EXPECT_GE(at(image, 2, 2)[1], 240);
  made(with_strength(R"(,"matte":"black")"), image);
  EXPECT_LE(at(image, 2, 2)[0], 15);
}

TEST_F(TransparencyApi, TheImagePathsDoTheSame) {
  for (const char* path : {"/v1/generate", "/v1/images/generations"}) {
    for (const auto& [matte, red] : {std::pair{"", 255}, std::pair{R"(,"matte":"black")", 0}}) {
      const auto reply =
          station->ask("POST", path, input_of(cut_out(), mask(kWhite, kBlack), matte));
      ASSERT_EQ(reply.status, 200) << reply.body;
      const auto body = boost::json::parse(reply.body);
      const auto bytes = platform::base64_decode(std::string{body.at("image").as_string()});
      const auto image = pixels_of({bytes.value().begin(), bytes.value().end()});
      EXPECT_THAT(at(image, 2, 2), ElementsAre(red, red, red)) << path;
    }
  }
}

// White paint on an empty layer, for any colour of its transparent pixels.
TEST_F(TransparencyApi, WhatIsTransparentInAMaskIsKept) {
  for (const std::uint32_t empty : {0x00000000U, 0xffffff00U, 0xff000000U, kBlack}) {
    media::Image image;
    made(input_of(base64(png(kSide, kSide)), mask(kWhite, empty)), image);
    for (const std::size_t far : {std::size_t{2}, std::size_t{60}}) {
      EXPECT_THAT(at(image, far, far), ElementsAre(0x20, 0x60, 0xc0)) << std::hex << empty;
    }
    EXPECT_NE(at(image, 32, 32), (std::array{0x20, 0x60, 0xc0})) << std::hex << empty;
  }
}

TEST_F(TransparencyApi, AMaskOfAnotherConventionIsRefusedWithTheReason) {
  struct Case {
    std::uint32_t square, around;
    const char* look;
  };
  for (const auto& [square, around, look] :
       {Case{0x00000000, kBlack, "OpenAI"}, Case{0xffffff00, kBlack, "OpenAI"},
        Case{kBlack, 0x00000000, "black on white"}, Case{0x00000000, 0xffd040ff, "OpenAI"},
        Case{0x00000000, 0x00000000, "transparent everywhere"},
        Case{kBlack, 0x202020ff, "dark everywhere"}}) {
    const auto input = input_of(base64(png(kSide, kSide)), mask(square, around));
    const auto native = station->ask("POST", "/api/v1/jobs", R"({"input":)" + input + "}");
    EXPECT_EQ(native.status, 400) << look;
    EXPECT_THAT(native.body, AllOf(HasSubstr("/input/mask: "), HasSubstr(look),
                                   HasSubstr("paint white what is to change")));
    const auto legacy = station->ask("POST", "/v1/generate", input);
    EXPECT_EQ(legacy.status, 400) << look;
    EXPECT_THAT(legacy.body, AllOf(HasSubstr("/mask: "), HasSubstr(look)));
  }
}

TEST_F(TransparencyApi, ThePartOutsideTheMaskIsKeptUnlessItIsTurnedOff) {
  media::Image image;
  const auto kept = made(input_of(base64(png(kSide, kSide)), mask(kWhite, kBlack)), image);
  EXPECT_EQ(kept.at("result").at("used").at("keep_outside"), true);
  EXPECT_THAT(at(image, 15, 15), ElementsAre(0x20, 0x60, 0xc0));
  const auto plain = made(
      input_of(base64(png(kSide, kSide)), mask(kWhite, kBlack), R"(,"keep_outside":false)"), image);
  EXPECT_EQ(plain.at("result").at("used").at("keep_outside"), false);
  EXPECT_NE(at(image, 15, 15), (std::array{0x20, 0x60, 0xc0}));
  EXPECT_THAT(file, HasSubstr("Keep outside: false"));
}

TEST_F(TransparencyApi, InvalidColoursAndValuesWithoutEffectAreReported) {
  const auto refused =
      station->ask("POST", "/api/v1/jobs", R"({"input":{"prompt":"x","matte":"glass"}})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("/input/matte: "));
  const auto accepted =
      station->ask("POST", "/api/v1/jobs",
                   R"({"input":{"prompt":"x","steps":1,"matte":"black","keep_outside":false}})");
  EXPECT_EQ(accepted.status, 202);
  EXPECT_THAT(accepted.body, AllOf(HasSubstr("/input/matte was ignored"),
                                   HasSubstr("/input/keep_outside was ignored")));
}

}  // namespace
}  // namespace atelier::api
