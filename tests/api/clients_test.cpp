// Requests of unmodified legacy clients, and the replies that they expect.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <thread>

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

  // The default model.
  static boost::json::value default_model() {
    const auto reply =
        station->ask("POST", "/v1/generate", R"({"prompt":"x","size":"64x64","steps":1})");
    EXPECT_EQ(reply.status, 200) << reply.body;
    return boost::json::parse(reply.body).at("model");
  }
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

std::string generate_with(const StationProcess& station, const char* path, const char* model,
                          int& status) {
  const auto reply = station.ask(
      "POST", path,
      R"({"prompt":"x","size":"64x64","steps":1,"model":")" + std::string{model} + "\"}");
  status = reply.status;
  return reply.body;
}

TEST_F(ClientsApi, AnUnknownModelIsTheDefaultWithAWarning) {
  int status = 0;
  for (const char* path : kPaths) {
    for (const char* model : {"flux-dev", "cyberrealistic-xl", "nightvision-xl", "realvisxl-v5",
                              "dreamshaper-xl", "juggernaut-xl", "dall-e-3", "test-model"}) {
      const auto text = generate_with(*station, path, model, status);
      ASSERT_EQ(status, 200) << path << model << text;
      const auto body = boost::json::parse(text);
      EXPECT_EQ(body.at("model"), default_model());
      EXPECT_THAT(std::string{body.at("warning").as_string()}, HasSubstr(model));
    }
    generate_with(*station, path, "moondream-2", status);  // it does not generate
    EXPECT_EQ(status, 400);
  }
  for (const char* model : {"flux-dev", "cyberrealistic-xl"}) {
    const auto native =
        station->ask("POST", "/api/v1/jobs",
                     R"({"input":{"prompt":"x","model":")" + std::string{model} + "\"}}");
    EXPECT_EQ(native.status, 404) << native.body;
  }
}

TEST(ClientsApiSettings, ASettingRefusesUnknownModelsToAllClients) {
  const StationProcess strict({.environment = {"ATELIER_UNKNOWN_MODELS=refuse"}});
  int status = 0;
  for (const char* path : kPaths) {
    EXPECT_THAT(generate_with(strict, path, "flux-dev", status), HasSubstr("flux-dev"));
    EXPECT_EQ(status, 404);
    generate_with(strict, path, "sdxl-realism", status);  // a role that the starter model serves
    EXPECT_EQ(status, 200);
  }
}

TEST_F(ClientsApi, TheStatusPageHasItsNumbers) {
  ASSERT_EQ(
      station->ask("POST", "/v1/generate", R"({"prompt":"x","size":"64x64","steps":1})").status,
      200);
  const auto metrics = station->json("/metrics");
  ASSERT_TRUE(metrics.is_object());
  for (const char* percent : {"cpu", "memory"}) {
    EXPECT_GE(metrics.at(percent).to_number<double>(), 0) << percent;
    EXPECT_LE(metrics.at(percent).to_number<double>(), 100) << percent;
  }
  EXPECT_GT(metrics.at("memory").to_number<double>(), 0);
  EXPECT_GE(metrics.at("cpu_details").at("cores").as_int64(), 1);
  EXPECT_GT(metrics.at("memory_details").at("total_gb").to_number<double>(), 0);
  const auto& environment = metrics.at("environment");
  EXPECT_EQ(environment.at("platform"), "CPU");
  EXPECT_EQ(environment.at("accelerator_available"), false);
  EXPECT_TRUE(environment.at("torch_version").is_string());
  EXPECT_TRUE(environment.at("execution_type").is_string());
  EXPECT_GT(environment.at("process_memory_mb").to_number<double>(), 1);
  EXPECT_TRUE(metrics.at("device").is_string());
  EXPECT_TRUE(metrics.at("gpus").as_array().empty());
  EXPECT_EQ(metrics.at("ghost_memory").at("detected"), false);
  EXPECT_EQ(metrics.at("ghost_memory").at("ghost_vram_mb"), 0);
  EXPECT_EQ(station->ask("HEAD", "/metrics").status, 200);

  const auto stats = station->json("/v1/stats");
  EXPECT_EQ(stats.at("status"), "running");
  EXPECT_GE(stats.at("workers").as_int64(),
            1);  // the main one, and the light one once it has started
  EXPECT_EQ(stats.at("model"), default_model());
  EXPECT_EQ(stats.at("queue_size"), 0);
  EXPECT_EQ(stats.at("timeouts"), 0);
  EXPECT_GT(stats.at("max_queue_size").as_int64(), 0);
  EXPECT_GE(stats.at("requests_processed").as_int64(), 1);
  std::this_thread::sleep_for(std::chrono::milliseconds{500});  // the snapshot is taken often
  const auto before = station->json("/v1/stats").at("requests_processed").as_int64();
  ASSERT_EQ(
      station->ask("POST", "/v1/generate", R"({"prompt":"x","size":"64x64","steps":1})").status,
      200);
  for (int i = 0; i < 100 && station->json("/v1/stats").at("requests_processed") == before; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
  }
  EXPECT_EQ(station->json("/v1/stats").at("requests_processed"), before + 1);
}

// Null where none came in time.
boost::json::value loaded_models(const StationProcess& station, std::size_t count) {
  for (int i = 0; i < 300; ++i) {
    auto loaded = station.json("/metrics").at("loaded_models");
    if (loaded.as_array().size() == count) return loaded;
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
  }
  return nullptr;
}

TEST_F(ClientsApi, UnloadFreesAnIdleWorkerNow) {
  const auto before = std::time(nullptr);
  ASSERT_EQ(
      station->ask("POST", "/v1/generate", R"({"prompt":"x","size":"64x64","steps":1})").status,
      200);
  const auto loaded = loaded_models(*station, 1);
  ASSERT_FALSE(loaded.is_null());
  EXPECT_EQ(loaded.at(0).at("id"), default_model());
  EXPECT_FALSE(loaded.at(0).at("name").as_string().empty());
  EXPECT_EQ(loaded.at(0).at("vram_mb"), 0);
  EXPECT_GT(loaded.at(0).at("ram_mb").as_int64(), 0);
  EXPECT_GT(loaded.at(0).at("loaded_at").as_int64(), before - 600);

  const auto reply = station->ask("POST", "/v1/system/unload");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto body = boost::json::parse(reply.body);
  EXPECT_EQ(body.at("status"), "success");
  EXPECT_FALSE(body.at("message").as_string().empty());
  EXPECT_FALSE(loaded_models(*station, 0).is_null());
}

TEST(ClientsApiBusy, UnloadAnswersAtOnceAndComesAfterTheJob) {
  const StationProcess station({.fake = "step_ms=50"});
  const auto id = station.submit(R"({"prompt":"x","width":64,"height":64,"steps":60})");
  ASSERT_FALSE(station.wait_for(id, "running").is_null());
  const auto asked = std::chrono::steady_clock::now();
  const auto reply = station.ask("POST", "/v1/system/unload");
  const auto took = std::chrono::steady_clock::now() - asked;
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr(R"("status":"success")"));
  EXPECT_THAT(reply.body, HasSubstr("when it is done"));
  EXPECT_LT(took, std::chrono::seconds{3});  // one on an idle machine; the job takes three
  ASSERT_FALSE(station.wait_for(id, "succeeded").is_null());
  EXPECT_FALSE(loaded_models(station, 0).is_null());
}

TEST_F(ClientsApi, RefreshAnswersWithTheList) {
  const auto reply = station->ask("POST", "/v1/models/refresh");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto body = boost::json::parse(reply.body);
  EXPECT_EQ(body.at("models"), body.at("data"));
  EXPECT_EQ(body.at("models"), station->json("/v1/models").at("models"));
}

TEST_F(ClientsApi, SwitchChecksANameAndChangesNothing) {
  const auto ask = [](const std::string& body) {
    return station->ask("POST", "/v1/models/switch", body);
  };
  for (const char* model : {"fake", "sdxl-realism", "cyberrealistic-xl", "juggernaut-xl"}) {
    const auto reply = ask(R"({"model":")" + std::string{model} + "\"}");
    ASSERT_EQ(reply.status, 200) << model << reply.body;
    EXPECT_EQ(boost::json::parse(reply.body),
              boost::json::parse(R"({"status":"success","model":")" + std::string{model} +
                                 R"(","vram_mb":0,"ram_mb":0})"));
  }
  for (const char* none : {"", "{}", R"({"model":""})", R"({"model":null})"}) {
    const auto reply = ask(none);
    EXPECT_EQ(reply.status, 400) << none;
    EXPECT_THAT(reply.body, HasSubstr(R"("detail":"model is required")")) << none;
  }
  for (const char* unknown : {"no-such-model", "moondream-2", "gpt-4o"}) {
    const auto reply = ask(R"({"model":")" + std::string{unknown} + "\"}");
    EXPECT_EQ(reply.status, 404) << unknown;
    EXPECT_THAT(reply.body, HasSubstr(R"("detail":"Model not found")")) << unknown;
  }
  EXPECT_EQ(ask(R"({"model":5})").status, 400);
  EXPECT_EQ(ask("{").status, 400);
  EXPECT_EQ(station->json("/v1/stats").at("model"), default_model());
}

}  // namespace
}  // namespace atelier::api
