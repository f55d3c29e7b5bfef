// Seeds are unsigned 64-bit numbers on every way through the station and come back unchanged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "station_process.h"

namespace atelier::api {
namespace {

using testing::HasSubstr;

class SeedsApi : public testing::Test {
 protected:
  static void SetUpTestSuite() { station = new StationProcess; }
  static void TearDownTestSuite() { delete station; }

  // The job that an input makes, once it has succeeded.
  static boost::json::value made(const std::string& seed_fields, int batch = 1) {
    const auto id = station->submit(R"({"prompt":"x","width":64,"height":64,"steps":1,"batch":)" +
                                    std::to_string(batch) + "," + seed_fields + "}");
    EXPECT_NE(id, "") << seed_fields;
    return station->wait_for(id, "succeeded");
  }
  static std::string picture(const boost::json::value& job, std::size_t index) {
    const auto& artifact = job.at("result").at("artifacts").at(index).as_string();
    return station->ask("GET", "/api/v1/artifacts/" + std::string{artifact}).body;
  }
  static std::string text(const boost::json::value& value) {
    return std::string{value.as_string()};
  }

  static StationProcess* station;
};
StationProcess* SeedsApi::station = nullptr;

TEST_F(SeedsApi, ComeBackUnchangedWithTheirTextBesideThem) {
  for (const std::uint64_t seed : {0ULL, 4294967296ULL, 9007199254740993ULL, 9223372036854775808ULL,
                                   18446744073709551615ULL}) {
    const auto digits = std::to_string(seed);
    for (const auto& fields : {"\"seed\":" + digits, "\"seed_text\":\"" + digits + "\""}) {
      const auto job = made(fields);
      ASSERT_FALSE(job.is_null()) << fields;
      for (const auto* place : {&job.at("input"), &job.at("result").at("used")}) {
        EXPECT_EQ(place->at("seed").to_number<std::uint64_t>(), seed) << fields;
        EXPECT_EQ(text(place->at("seed_text")), digits) << fields;
      }
      EXPECT_THAT(picture(job, 0), HasSubstr("Seed: " + digits + ","));
      // Also from the events, and from the database after the job has ended.
      const auto id = text(job.at("id"));
      EXPECT_THAT(station->ask("GET", "/api/v1/jobs/" + id + "/events").body,
                  HasSubstr("\"seed_text\":\"" + digits + "\""));
    }
  }
}

TEST_F(SeedsApi, TheOneAfterTheLargestIsZero) {
  const auto job = made(R"("seed":18446744073709551615)", 2);
  ASSERT_FALSE(job.is_null());
  EXPECT_THAT(picture(job, 0), HasSubstr("Seed: 18446744073709551615,"));
  EXPECT_THAT(picture(job, 1), HasSubstr("Seed: 0,"));
}

TEST_F(SeedsApi, MinusOneIsAnySeedAndTheSeedIsReported) {
  for (const char* fields : {R"("seed":-1)", R"("seed_text":"-1")", R"("seed":null)"}) {
    const auto job = made(fields);
    ASSERT_FALSE(job.is_null()) << fields;
    EXPECT_EQ(text(job.at("input").at("seed_text")),
              text(job.at("result").at("used").at("seed_text")));
    EXPECT_NE(text(job.at("input").at("seed_text")), "18446744073709551615");
  }
}

TEST_F(SeedsApi, InvalidSeedsAreRefusedWithTheirField) {
  for (const auto& [fields, where] :
       {std::pair{R"("seed":-2)", "/input/seed: invalid seed -2"},
        {R"("seed":18446744073709551616)", "/input/seed: "},
        {R"("seed":1.5)", "/input/seed: "},
        {R"("seed":"7")", "/input/seed: "},
        {R"("seed_text":"seven")", "/input/seed_text: invalid seed 'seven'"},
        {R"("seed":1,"seed_text":"2")", "/input/seed_text: "}}) {
    const auto reply = station->ask("POST", "/api/v1/jobs",
                                    R"({"input":{"prompt":"x",)" + std::string{fields} + "}}");
    EXPECT_EQ(reply.status, 400) << fields;
    EXPECT_THAT(reply.body, HasSubstr(where));
  }
}

TEST_F(SeedsApi, OldClientsGetThemBackToo) {
  for (const char* path : {"/v1/images/generations", "/v1/generate", "/v1/images/generate"}) {
    for (const char* seed : {"18446744073709551615", "\"18446744073709551615\""}) {
      const auto reply = station->ask(
          "POST", path,
          R"({"prompt":"x","size":"64x64","steps":1,"seed":)" + std::string{seed} + "}");
      ASSERT_EQ(reply.status, 200) << reply.body;
      const auto body = boost::json::parse(reply.body);
      EXPECT_EQ(body.at("seed").to_number<std::uint64_t>(), 18446744073709551615ULL);
      EXPECT_EQ(text(body.at("seed_text")), "18446744073709551615");
    }
    for (const char* any : {"-1", "-7", "\"-7\"", "-99999999999999999999", "\"\"", "null"}) {
      const auto reply = station->ask(
          "POST", path,
          R"({"prompt":"x","size":"64x64","steps":1,"seed":)" + std::string{any} + "}");
      ASSERT_EQ(reply.status, 200) << any << reply.body;
      EXPECT_LT(boost::json::parse(reply.body).at("seed").to_number<std::uint64_t>(), 1ULL << 32);
    }
  }
}

}  // namespace
}  // namespace atelier::api
