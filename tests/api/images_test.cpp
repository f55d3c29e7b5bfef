// The three legacy image paths, from socket to PNG.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picture_bytes.h"
#include "platform/base64.h"
#include "station_process.h"

namespace atelier::api {
namespace {

using testing::HasSubstr;

class ImagesApi : public testing::Test {
 protected:
  static void SetUpTestSuite() { station = new StationProcess; }
  static void TearDownTestSuite() { delete station; }

  static std::string picture_of(const boost::json::value& reply) {
    const std::string text{reply.at("data").at(0).at("b64_json").as_string()};
    const auto bytes = platform::base64_decode(text);
    return bytes ? std::string{bytes->begin(), bytes->end()} : std::string{};
  }
  static std::string base64(std::string_view bytes) {
    return platform::base64_encode(
        {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  }

  static StationProcess* station;
};
StationProcess* ImagesApi::station = nullptr;

TEST_F(ImagesApi, EachPathGivesTheSamePictureUnderEveryKey) {
  for (const char* path : {"/v1/images/generations", "/v1/generate", "/v1/images/generate"}) {
    const auto reply = station->ask(
        "POST", path,
        R"({"prompt":"a red circle | negative: blue","n":1,"size":"128x64","steps":3,"seed":5})");
    ASSERT_EQ(reply.status, 200) << path << reply.body << station->log();
    const auto body = boost::json::parse(reply.body);
    const std::string bytes = picture_of(body);
    EXPECT_EQ(png_size(bytes).width, 128U);
    EXPECT_EQ(png_size(bytes).height, 64U);
    EXPECT_THAT(bytes, HasSubstr("parameters"));
    EXPECT_THAT(bytes, HasSubstr("Negative prompt: blue"));
    const auto& text = body.at("data").at(0).at("b64_json");
    EXPECT_EQ(body.at("images").at(0), text);
    EXPECT_EQ(body.at("result").at(0), text);
    EXPECT_EQ(body.at("image"), text);
    EXPECT_EQ(body.at("seed"), 5);
    EXPECT_GT(body.at("created").as_int64(), 1'600'000'000);
    EXPECT_TRUE(body.at("stats").is_object());
    for (const char* name :
         {"x-vram-used", "x-vram-total", "x-inference-time", "x-model-load-time"}) {
      EXPECT_FALSE(reply.header(name).empty()) << name;
    }
  }
}

TEST_F(ImagesApi, APictureMayComeBareOrAsADataUrl) {
  const std::string bare = base64(png(64, 64));
  for (const std::string& image : {bare, "data:image/png;base64," + bare}) {
    const auto reply = station->ask("POST", "/v1/generate",
                                    R"({"prompt":"x","width":64,"height":64,"steps":4,)"
                                    R"("strength":0.75,"image":")" +
                                        image + "\"}");
    EXPECT_EQ(reply.status, 200) << reply.body;
  }
}

// The fake engine doubles the sides.
TEST_F(ImagesApi, APictureIsEnlarged) {
  const auto reply =
      station->ask("POST", "/v1/upscale", R"({"image":")" + base64(png(24, 16)) + "\"}");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto body = boost::json::parse(reply.body);
  const std::string picture = picture_of(body);
  EXPECT_EQ(width_of(picture), 48);
  EXPECT_EQ(height_of(picture), 32);
  EXPECT_EQ(body.at("image"), body.at("images").at(0));
  const auto refused = [&](const std::string& text) {
    const auto bad = station->ask("POST", "/v1/upscale", text);
    EXPECT_EQ(bad.status, 400) << bad.body;
    return bad.body;
  };
  EXPECT_THAT(refused("{}"), HasSubstr("/image: it is missing: send a picture"));
  EXPECT_THAT(refused(R"({"img":"x"})"),
              HasSubstr("/image: it is missing: send a picture; unknown field 'img' was ignored"));
  EXPECT_THAT(refused(R"({"image_url":"https://example.org/a.png"})"), HasSubstr("/image_url: "));
  const auto by_url = station->ask(
      "POST", "/v1/upscale",
      R"({"image_url":"data:image/png;base64,)" + base64(png(24, 16)) + R"(","mask":"x"})");
  ASSERT_EQ(by_url.status, 200) << by_url.body;
  EXPECT_THAT(by_url.body, HasSubstr("unknown field 'mask' was ignored"));
  EXPECT_THAT(refused(R"({"scale":9,"image":")" + base64(png(8, 8)) + "\"}"),
              HasSubstr("/scale: 9 is out of range: choose 1 to 8"));
}

TEST_F(ImagesApi, OfAnAnimatedPictureTheFirstFrameIsEnlargedWithAWarning) {
  // Two frames of one pixel, black and white (GIF89a).
  const std::string frame("\x2C\0\0\0\0\1\0\1\0\0\2\2\x44\1\0", 15);
  const std::string gif =
      std::string("GIF89a\1\0\1\0\x80\0\0\0\0\0\xFF\xFF\xFF", 19) + frame + frame + ";";
  const auto reply = station->ask("POST", "/v1/upscale", R"({"image":")" + base64(gif) + "\"}");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(boost::json::parse(reply.body).at("warnings").at(0),
            "the file of 'image' is animated: only the first of its 2 frames is used");
}

// The fake engine's scores follow from the width: 24 pixels are 0.24 for "marked".
TEST_F(ImagesApi, APictureIsClassifiedInTheShapeOfTheGallery) {
  const std::string picture = base64(png(24, 16));
  for (const std::string& body :
       {R"({"image_url":"data:image/png;base64,)" + picture + R"(","model":"fake"})",
        R"({"image":")" + picture + "\"}"}) {
    const auto reply = station->ask("POST", "/v1/classify", body);
    ASSERT_EQ(reply.status, 200) << reply.body;
    const auto labels = boost::json::parse(reply.body);
    EXPECT_EQ(labels.at("label"), "plain");
    EXPECT_NEAR(labels.at("score").to_number<double>(), 0.76, 1e-9);
    EXPECT_EQ(labels.at("predictions").as_array().size(), 2U);
    EXPECT_EQ(labels.at("predictions").at(1).at("label"), "marked");
    EXPECT_EQ(labels.at("model"), "fake");
    EXPECT_GE(labels.at("_stats").at("duration").to_number<double>(), 0);
    EXPECT_TRUE(labels.at("warnings").as_array().empty());
    for (const char* not_for_labels : {"text", "answer", "caption"}) {
      EXPECT_FALSE(labels.as_object().contains(not_for_labels));
    }
  }
  const auto refused = [&](const std::string& text, int status = 400) {
    const auto bad = station->ask("POST", "/v1/classify", text);
    EXPECT_EQ(bad.status, status) << bad.body;
    return bad.body;
  };
  EXPECT_THAT(refused("{}"), HasSubstr("/image: it is missing: send a picture"));
  EXPECT_THAT(refused(R"({"image_url":"https://example.org/a.png"})"), HasSubstr("/image_url: "));
  EXPECT_THAT(refused(R"({"model":"wd14-vit-v2","image":")" + picture + "\"}"),
              HasSubstr("is for tagging, not for analysis"));
  EXPECT_THAT(refused(R"({"model":"no-such","image":")" + picture + "\"}", 404),
              HasSubstr("'no-such' is not installed"));
  // A classifier of something else must not answer for it.
  EXPECT_THAT(refused(R"({"model":"nsfw-detector","image":")" + picture + "\"}", 404),
              HasSubstr("'nsfw-detector' is not installed"));
}

TEST_F(ImagesApi, LegacyNamesAreResolvedAndTheReplyHasTheModel) {
  const auto reply =
      station->ask("POST", "/v1/images/generations",
                   R"({"prompt":"x","model":"sdxl-realism","width":64,"height":64,"steps":2})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto body = boost::json::parse(reply.body);
  EXPECT_NE(body.at("model"), "sdxl-realism");
  EXPECT_THAT(std::string{body.at("warning").as_string()}, HasSubstr("sdxl-realism"));
}

TEST_F(ImagesApi, SeveralPicturesComeInOneReply) {
  const auto reply = station->ask("POST", "/v1/images/generations",
                                  R"({"prompt":"x","n":2,"size":"64x64","steps":2})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto body = boost::json::parse(reply.body);
  EXPECT_EQ(body.at("data").as_array().size(), 2U);
  EXPECT_NE(body.at("images").at(0), body.at("images").at(1));
}

TEST_F(ImagesApi, SizesAreRoundedAndUnknownSamplersReplacedWithAWarning) {
  const auto reply = station->ask(
      "POST", "/v1/generate",
      R"({"prompt":"x","width":101,"height":64,"steps":2,"scheduler":"no such sampler"})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto body = boost::json::parse(reply.body);
  EXPECT_EQ(png_size(picture_of(body)).width, 104U);
  EXPECT_THAT(std::string{body.at("warning").as_string()}, HasSubstr("no such sampler"));
}

TEST_F(ImagesApi, ListsModelsAndSamplers) {
  const auto models = station->ask("GET", "/v1/models");
  EXPECT_EQ(models.status, 200);
  const auto body = boost::json::parse(models.body);
  EXPECT_EQ(body.at("models"), body.at("data"));
  for (const char* key : {"id", "name", "type", "source", "format", "has_warning", "size_bytes",
                          "description", "last_known_vram_mb"}) {
    EXPECT_TRUE(body.at("models").at(0).as_object().contains(key)) << key;
  }
  EXPECT_GT(std::stoll(models.header("x-vram-total")), 0);
  EXPECT_EQ(station->ask("GET", "/v1/models/list").status, 200);
  EXPECT_TRUE(station->json("/v1/schedulers").at("schedulers").at(0).is_string());
  EXPECT_TRUE(station->json("/v1/schedulers").at("details").at(0).is_object());
  EXPECT_TRUE(station->json("/v1/samplers").at("samplers").at(0).is_string());
}

}  // namespace
}  // namespace atelier::api
