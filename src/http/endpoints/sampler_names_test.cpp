#include "http/endpoints/sampler_names.h"

#include <gtest/gtest.h>

namespace atelier::http {
namespace {

scheduler::StationStatus engine_names() {
  scheduler::StationStatus status;
  status.samplers = {{"dpmpp_2m", "DPM++ 2M", true, {"k_dpmpp_2m"}},
                     {"euler", "Euler", true, {"k_euler"}},
                     {"lms", "LMS", false, {}}};
  status.schedules = {{"karras", "Karras", true, {}},
                      {"beta", "Beta", false, {}},
                      {"exponential", "Exponential", true, {"exp"}}};
  return status;
}

TEST(SamplerNames, TheGallerysNamesFuseSamplerAndSchedule) {
  for (const char* name : {"dpm_pp_2m_karras", "karras", "dpmpp_2m_karras", "DPM++ 2M Karras"}) {
    const auto choice = choose_sampler(name, engine_names());
    EXPECT_EQ(choice.sampler, "dpmpp_2m") << name;
    EXPECT_EQ(choice.schedule, "karras") << name;
    EXPECT_TRUE(choice.warnings.empty()) << name;
  }
  EXPECT_EQ(choose_sampler("dpm++", engine_names()).sampler, "dpmpp_2m");
  EXPECT_EQ(choose_sampler("k_euler", engine_names()).sampler, "euler");
  EXPECT_EQ(choose_sampler("Euler Karras", engine_names()).schedule, "karras");
}

TEST(SamplerNames, AnUnavailableSamplerIsTheModelsOwnWithAWarning) {
  for (const char* name : {"lms", "no such thing", "beta"}) {
    const auto choice = choose_sampler(name, engine_names());
    EXPECT_EQ(choice.sampler, "") << name;
    EXPECT_EQ(choice.schedule, "") << name;
    EXPECT_FALSE(choice.warnings.empty()) << name;
  }
}

TEST(SamplerNames, ANameWithAnotherLegacyMeaningGivesAWarning) {
  const auto choice = choose_sampler("exponential", engine_names());
  EXPECT_EQ(choice.schedule, "exponential");
  ASSERT_EQ(choice.warnings.size(), 1U);
  EXPECT_NE(choice.warnings.front().find("DPM++ 2M Karras"), std::string::npos);
}

TEST(SamplerNames, EveryNameIsAcceptedBeforeTheFirstHello) {
  EXPECT_EQ(choose_sampler("euler_a", {}).sampler, "euler_ancestral");
  EXPECT_EQ(choose_sampler("something", {}).sampler, "something");
  EXPECT_EQ(choose_sampler("", {}).sampler, "");
}

}  // namespace
}  // namespace atelier::http
