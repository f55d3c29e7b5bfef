// Access rules of a running station: Host, Origin and key.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "station_process.h"

namespace atelier::api {
namespace {

using testing::HasSubstr;

TEST(AccessApi, ForeignPagesAndNamesAreRefusedEverywhere) {
  StationProcess station;
  for (const char* path : {"/", "/health", "/v1/models", "/v1/generate", "/api/v1/jobs", "/docs"}) {
    for (const char* method : {"GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE"}) {
      EXPECT_EQ(station.ask(method, path, {}, "Origin: https://evil.example\r\n").status, 403)
          << method << path;
      EXPECT_EQ(station.ask(method, path, {}, "Host: evil.example\r\n").status, 421)
          << method << path;
    }
  }
  const auto health = station.ask("GET", "/health");
  EXPECT_EQ(health.body, R"({"status":"ok","server":"moondream-station"})");
  EXPECT_EQ(station.ask("HEAD", "/health").status, 200);
  const auto preflight =
      station.ask("OPTIONS", "/v1/images/generations", {},
                  "Origin: http://localhost:3000\r\nAccess-Control-Request-Method: POST\r\n");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.header("access-control-allow-origin"), "http://localhost:3000");
  EXPECT_EQ(station.ask("GET", "/v1/v1/models").status, 200);
}

TEST(AccessApi, NamesAndOriginsOfTheSettingsAreAccepted) {
  StationProcess station{
      {.environment = {"CORS_ORIGINS=https://gallery.example", "ATELIER_HOSTS=studio.lan"}}};
  EXPECT_EQ(station.ask("GET", "/v1/models", {}, "Origin: https://gallery.example\r\n").status,
            200);
  EXPECT_EQ(station.ask("GET", "/v1/models", {}, "Host: studio.lan:2020\r\n").status, 200);
}

TEST(AccessApi, AKeyIsRequiredOnceItIsSet) {
  StationProcess station{
      {.environment = {"ATELIER_API_KEY=opensesame", "HOST=0.0.0.0"}, .key = "opensesame"}};
  const auto without = station.ask("GET", "/v1/models");
  EXPECT_EQ(without.status, 401);
  EXPECT_THAT(without.body, HasSubstr("detail"));
  EXPECT_EQ(station.ask("GET", "/v1/models", {}, "Authorization: Bearer opensesame\r\n").status,
            200);
  EXPECT_EQ(station.ask("GET", "/v1/models", {}, "X-Moondream-Auth: opensesame\r\n").status, 200);
  EXPECT_EQ(station.ask("GET", "/v1/models", {}, "X-Moondream-Auth: opensesam\r\n").status, 401);
}

}  // namespace
}  // namespace atelier::api
