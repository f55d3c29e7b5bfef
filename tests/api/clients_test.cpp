// What unmodified clients of before send, and what they need to hear.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picture_bytes.h"
#include "platform/base64.h"
#include "station_process.h"

namespace atelier::api {
namespace {

using testing::HasSubstr;

constexpr const char* kPaths[] = {"/v1/images/generations", "/v1/generate", "/v1/images/generate"};

std::string base64(std::string_view bytes) {
  return platform::base64_encode(
      {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

class ClientsApi : public testing::Test {
 protected:
  static void SetUpTestSuite() { station = new StationProcess; }
  static void TearDownTestSuite() { delete station; }
  static StationProcess* station;
};
StationProcess* ClientsApi::station = nullptr;

TEST_F(ClientsApi, NumbersMayStandInQuotes) {
  for (const char* path : kPaths) {
    const auto reply = station->ask(
        "POST", path,
        R"({"prompt":"x","width":"128","height":"64","steps":"2","n":"2","guidance_scale":"4.5",)"
        R"("seed":"7","exact_size":"true","strength":""})");
    ASSERT_EQ(reply.status, 200) << path << reply.body;
    const auto body = boost::json::parse(reply.body);
    EXPECT_EQ(body.at("width"), 128);
    EXPECT_EQ(body.at("seed"), 7);
    EXPECT_EQ(body.at("stats").at("steps"), 2);
    EXPECT_EQ(body.at("data").as_array().size(), 2U);
    EXPECT_TRUE(body.at("warning").is_null()) << reply.body;
  }
  for (const char* steps : {R"("many")", R"("2.5")", R"("1e400")", "[2]", "true"}) {
    const auto reply = station->ask("POST", "/v1/generate",
                                    R"({"prompt":"x","steps":)" + std::string{steps} + "}");
    EXPECT_EQ(reply.status, 400) << steps;
    EXPECT_THAT(reply.body, HasSubstr("/steps: ")) << steps;
  }
  // The native path is exact.
  EXPECT_EQ(station->ask("POST", "/api/v1/jobs", R"({"input":{"prompt":"x","steps":"2"}})").status,
            400);
}

TEST_F(ClientsApi, PicturesComeInEverySpellingOfBase64) {
  // Bytes whose base64 has both signs in which the alphabets differ, and padding.
  std::string whole = png(64, 64);
  while (base64(whole).find('=') == std::string::npos || base64(whole).find_first_of("+/") > 1000) {
    whole += '\xfe';
  }
  const std::string standard = base64(whole);
  std::string url = standard;
  for (char& sign : url) sign = sign == '+' ? '-' : sign == '/' ? '_' : sign;
  std::string lines;
  for (std::size_t i = 0; i < url.size(); i += 76) lines += url.substr(i, 76) + "\\r\\n";
  for (const auto& image :
       {standard.substr(0, standard.find('=')), url, url.substr(0, url.find('=')), lines,
        "data:image/png;base64," + lines}) {
    for (const char* path : kPaths) {
      const auto reply = station->ask("POST", path,
                                      R"({"prompt":"x","size":"64x64","steps":4,"strength":0.75,)"
                                      R"("image":")" +
                                          image + "\"}");
      EXPECT_EQ(reply.status, 200) << reply.body << image.substr(0, 40);
    }
  }
}

}  // namespace
}  // namespace atelier::api
