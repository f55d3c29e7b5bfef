#include "engine/samplers/names.h"

#include <gtest/gtest.h>

#include <set>

#include "engine/samplers/all_samplers.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

struct Expected {
  const char* text;
  const char* sampler;
  const char* schedule;  // "": none named
};

TEST(SamplerNames, AreReadInEveryDialect) {
  const Expected cases[] = {
      {"Euler a", "euler_ancestral", ""},
      {"EULER A", "euler_ancestral", ""},
      {"k_euler_a", "euler_ancestral", ""},
      {"euler_ancestral", "euler_ancestral", ""},
      {"EulerAncestralDiscreteScheduler", "euler_ancestral", ""},
      {"DPM++ 2M Karras", "dpmpp_2m", "karras"},
      {"dpmpp_2m_karras", "dpmpp_2m", "karras"},
      {"dpm_pp_2m_karras", "dpmpp_2m", "karras"},
      {"karras", "dpmpp_2m", "karras"},
      {"DPM++ 2M SDE Exponential", "dpmpp_2m_sde", "exponential"},
      {"dpmpp_2m_sde_gpu", "dpmpp_2m_sde", ""},
      {"dpm_pp_2m_sde_karras", "dpmpp_2m_sde", "karras"},
      {"dpm++2mv2", "dpmpp_2m", ""},
      {"dpm++", "dpmpp_2m", ""},
      {"DPM++ 2M SDE Heun", "dpmpp_2m_sde_heun", ""},
      {"DPM++ 2M SDE Heun Karras", "dpmpp_2m_sde_heun", "karras"},
      {"ddim_trailing", "ddim", "trailing"},
      {"uni_pc_bh2", "unipc", ""},
      {"UniPCMultistep", "unipc", ""},
      {"deis", "deis", ""},
      {"DEIS Karras", "deis", "karras"},
      {"DEISMultistepScheduler", "deis", ""},
      {"plms", "pndm", ""},
      {"PNDMScheduler", "pndm", ""},
      {"sgm_uniform", "dpmpp_2m", "sgm_uniform"},
      {"simple", "euler", "simple"},
      {"kdpm_2_a", "dpm_2_ancestral", ""},
      {"DPM2 a Karras", "dpm_2_ancestral", "karras"},
      {"lcm", "lcm", ""},
      {"heun", "heun", ""},
      {"euler_discrete", "euler", ""},
      {"ays", "dpmpp_2m", "align_your_steps"},
      {"k_dpm_ad", "dpm_adaptive", ""},
      {"res_multistep_cfg_pp", "res_multistep", ""},
  };
  for (const Expected& expected : cases) {
    const NamedPair pair = read_sampler_name(expected.text);
    ASSERT_NE(pair.sampler, nullptr) << expected.text;
    EXPECT_EQ(pair.sampler->id, expected.sampler) << expected.text;
    EXPECT_EQ(pair.schedule == nullptr ? "" : pair.schedule->id, expected.schedule)
        << expected.text;
  }
}

TEST(SamplerNames, OfSchedulesAreReadInEveryDialect) {
  EXPECT_EQ(read_schedule_name("Automatic")->id, "automatic");
  EXPECT_EQ(read_schedule_name("SGM Uniform")->id, "sgm_uniform");
  EXPECT_EQ(read_schedule_name("Align Your Steps GITS")->id, "align_your_steps_gits");
  EXPECT_EQ(read_schedule_name("kl_optimal")->id, "kl_optimal");
  EXPECT_EQ(read_schedule_name("discrete")->id, "normal");
  EXPECT_EQ(read_schedule_name("ddim_uniform")->id, "ddim_uniform");
}

TEST(SamplerNames, EveryBuiltSamplerIsInTheTableAndEveryRefusalNamesABuiltOne) {
  std::set<std::string> available;
  for (const KnownSampler& known : known_samplers()) {
    if (known.available) {
      available.insert(known.id);
      EXPECT_TRUE(known.nearest.empty()) << known.id;
    } else {
      EXPECT_NE(find_sampler(known.nearest), nullptr) << known.id;
    }
  }
  for (const SamplerEntry& entry : all_samplers()) {
    EXPECT_TRUE(available.contains(entry.id)) << entry.id;
  }
}

TEST(SamplerNames, NoAliasMeansTwoSamplers) {
  for (const KnownSampler& known : known_samplers()) {
    for (const std::string& alias : known.aliases) {
      EXPECT_EQ(read_sampler_name(alias).sampler->id, known.id) << alias;
    }
  }
}

TEST(SamplerNames, AnUnknownNameIsRefusedWithTheNearestOnes) {
  try {
    read_sampler_name("eular a");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("'Euler a'"), std::string::npos) << error.what();
  }
  EXPECT_THROW(read_schedule_name("carrot"), Error);
  EXPECT_THROW(read_sampler_name(std::string(100000, 'x')), Error);
}

}  // namespace
}  // namespace atelier::engine
