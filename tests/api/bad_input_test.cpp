// Invalid requests: each is a 4xx with a sentence, and the next request works.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picture_bytes.h"
#include "platform/base64.h"
#include "station_process.h"

namespace atelier::api {
namespace {

using testing::HasSubstr;

std::string base64(std::string_view bytes) {
  return platform::base64_encode(
      {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

class BadInputApi : public testing::Test {
 protected:
  static void SetUpTestSuite() { station = new StationProcess; }
  static void TearDownTestSuite() { delete station; }

  static void expect_refused(const char* path, const std::string& body, const char* part = "") {
    const auto reply = station->ask("POST", path, body);
    const std::string shown = path + (" " + body.substr(0, 120));
    EXPECT_GE(reply.status, 400) << shown;
    EXPECT_LT(reply.status, 500) << shown << reply.body;
    EXPECT_THAT(reply.body, HasSubstr(R"("detail":")")) << shown;
    EXPECT_THAT(reply.body, HasSubstr(part)) << shown;
  }
  void TearDown() override {
    EXPECT_EQ(station
                  ->ask("POST", "/v1/generate",
                        R"({"prompt":"still here","width":64,"height":64,"steps":1})")
                  .status,
              200);
  }
  static StationProcess* station;
};
StationProcess* BadInputApi::station = nullptr;

// Unknown names select the default model for old clients: clients_test.cpp.
TEST_F(BadInputApi, ModelsThatDoNotExistOrDoNotGenerate) {
  for (const char* path : {"/v1/images/generations", "/v1/generate", "/v1/images/generate"}) {
    for (const char* model : {"moondream-2", "joycaption-alpha-2", "wd14-vit-v2"}) {
      expect_refused(path, R"({"prompt":"x","model":")" + std::string{model} + "\"}", model);
    }
  }
  expect_refused("/api/v1/jobs", R"({"input":{"prompt":"x","model":"no-such-model"}})",
                 "no-such-model");
}

TEST_F(BadInputApi, InvalidNumbers) {
  for (const char* input :
       {R"("width":0)", R"("width":-8)", R"("width":1000000,"height":1000000)",
        R"("width":2147483647)", R"("steps":0)", R"("steps":-1)", R"("steps":100000)", R"("n":0)",
        R"("n":1000)", R"("steps":1.5)", R"("width":1e400)", R"("steps":"many")",
        R"("size":"64xlots")", R"("guidance_scale":"high")"}) {
    expect_refused("/v1/generate", R"({"prompt":"x",)" + std::string{input} + "}");
  }
  expect_refused("/v1/generate", R"({"prompt":"x","size":"7x7"})",
                 "7 pixels is out of range: choose a multiple of 8 from 64 to 2048");
  for (const char* input :
       {R"("width":100)", R"("steps":0)", R"("strength":0.001,"steps":8,"image":"@")",
        R"("batch":0)", R"("seed":-2)", R"("sampler":"no such sampler")"}) {
    std::string text = input;
    if (const auto at = text.find('@'); at != std::string::npos) {
      text.replace(at, 1, base64(png(64, 64)));
    }
    expect_refused("/api/v1/jobs", R"({"input":{"prompt":"x",)" + text + "}}");
  }
}

TEST_F(BadInputApi, AFailureOfTheWorkerNamesTheFieldOfTheRequest) {
  const auto id =
      station->submit(R"({"prompt":"x","width":64,"height":64,"strength":0.01,"image":")" +
                      base64(png(64, 64)) + "\"}");
  const auto failure = station->wait_for(id, "succeeded failed").at("failure");
  EXPECT_EQ(failure.at("field"), "/input/strength");
  EXPECT_EQ(failure.at("code"), "invalid_argument");
}

TEST_F(BadInputApi, AWrongTypeNamesItsFieldOnce) {
  const auto reply = station->ask("POST", "/api/v1/jobs", R"({"input":{"prompt":"x","steps":[]}})");
  EXPECT_EQ(reply.status, 400);
  const auto problem = boost::json::parse(reply.body);
  EXPECT_EQ(problem.at("field"), "/input/steps");
  EXPECT_EQ(problem.at("detail"), "/input/steps: expected a whole number");
}

TEST_F(BadInputApi, TextThatIsNotJson) {
  for (const char* body : {"", "{", "[]", "null", "\"text\"", "{\"prompt\":}", "\xff\xfe{}",
                           "{\"prompt\":\"\\ud800\"}", "{\"prompt\":5}", "{\"prompt\":null}",
                           "--boundary\r\nContent-Disposition: form-data\r\n"}) {
    expect_refused("/v1/generate", body);
    expect_refused("/v1/images/generations", body);
  }
  expect_refused("/api/v1/jobs", R"({"kind":"dance","input":{"prompt":"x"}})", "/kind");
  expect_refused("/api/v1/jobs", R"({"task":"dance","input":{"prompt":"x"}})",
                 "/task: unknown task 'dance': choose one of generate");
  expect_refused("/api/v1/jobs", R"({"priority":7,"input":{"prompt":"x"}})", "/priority");
  expect_refused("/api/v1/jobs", std::string(100'000, '['));
}

TEST_F(BadInputApi, FilesThatAreNotPictures) {
  const std::string whole = png(64, 64);
  for (const std::string& image :
       {std::string{"*not base64*"}, std::string{"data:image/png,plain"},
        std::string{"http://127.0.0.1:1/a.png"}, base64("plain words"),
        base64(whole.substr(0, whole.size() / 2)), base64(png(40'000, 40'000, Rows::kFirstOnly)),
        base64("<svg xmlns=\"http://www.w3.org/2000/svg\"/>")}) {
    expect_refused("/v1/generate", R"({"prompt":"x","image":")" + image + "\"}");
    expect_refused("/api/v1/jobs", R"({"input":{"prompt":"x","image":")" + image + "\"}}");
  }
}

TEST_F(BadInputApi, TheFormatFoundInsteadOfAPictureIsNamedWithItsField) {
  const auto refused = [](const std::string& image, const char* met) {
    for (const char* field : {"image", "init_image", "image_url"}) {
      const std::string body =
          "{\"prompt\":\"x\",\"" + std::string{field} + "\":\"" + image + "\"}";
      expect_refused("/v1/generate", body, met);
      expect_refused("/v1/images/generations", body, (std::string{"/"} + field + ": ").c_str());
    }
    const std::string body = R"({"input":{"prompt":"x","image":")" + image + "\"}}";
    expect_refused("/api/v1/jobs", body, met);
    expect_refused("/api/v1/jobs", body, "/input/image: ");
  };
  refused(base64("\x1f\x8b\x08 and so on"), "this is gzip");
  refused(base64("%PDF-1.7"), "this is a PDF document");
  refused(base64("<svg xmlns='http://www.w3.org/2000/svg'/>"), "this is SVG");
  refused(base64("<!doctype html><p>404"), "this is HTML");
  refused(base64("{\"error\":\"not found\"}"), "this is JSON");
  refused(base64(base64(png(64, 64))), "encoded twice");
  refused("https://example.org/a.png", "address (https://)");
  refused("<svg/>", "this is SVG");
  // Native clients send standard base64; old ones may not.
  const std::string whole = base64(png(64, 64, Rows::kAll));
  expect_refused("/api/v1/jobs",
                 R"({"input":{"prompt":"x","mask":"_-_-","image":")" + whole + "\"}}",
                 "/input/mask: this is base64url");
}

TEST_F(BadInputApi, AMissingOrMisplacedPrompt) {
  for (const char* body :
       {"{}", R"({"input":null})", R"({"input":{}})", R"({"input":{"prompt":null}})",
        R"({"kind":"generate","input":{"steps":5}})"}) {
    expect_refused("/api/v1/jobs", body, "/input/prompt: ");
  }
  for (const char* body : {R"({"prompt":"a cat"})", R"({"prompt":"a cat","input":{"steps":2}})",
                           R"({"prompt":"a cat","input":{"prompt":"a dog"}})"}) {
    expect_refused("/api/v1/jobs", body, "/prompt: it must be a member of 'input'");
  }
  expect_refused("/api/v1/jobs", R"({"input":"a cat"})", "/input: expected an object");
  expect_refused("/v1/generate", "{}", "Prompt is required");
  const auto blank = station->ask("POST", "/api/v1/jobs",
                                  R"({"input":{"prompt":"","width":64,"height":64,"steps":1}})");
  EXPECT_EQ(blank.status, 202) << blank.body;  // accepted: an empty prompt is allowed
}

TEST_F(BadInputApi, ABodyOf60Megabytes) {
  // NOLINTNEXTLINE(bugprone-string-constructor): as long as it looks
  const std::string prompt(60'000'000, 'x');
  const auto reply = station->ask("POST", "/v1/generate", R"({"prompt":")" + prompt + "\"}");
  EXPECT_EQ(reply.status, 413);
  EXPECT_THAT(reply.body, HasSubstr("48 MB"));
}

}  // namespace
}  // namespace atelier::api
