#include "platform/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atelier::platform {
namespace {

using testing::UnorderedElementsAre;

TEST(ChildEnvironment, SecretsStayWithTheStation) {
  for (const char* name :
       {"ATELIER_API_KEY", "ATELIER_HOME", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "OPENAI_API_KEY",
        "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "SSH_AUTH_SOCK", "PATHS", "XPATH", ""}) {
    EXPECT_FALSE(children_inherit(name)) << name;
  }
  for (const char* name : {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "OMP_NUM_THREADS",
                           "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "ATELIER_AMX"}) {
    EXPECT_TRUE(children_inherit(name)) << name;
  }
}

TEST(ChildEnvironment, AdditionsReplaceWhatIsInherited) {
  const char* const parent[] = {"PATH=/bin",           "HF_TOKEN=secret", "OMP_WAIT_POLICY=active",
                                "NOTHING=PATH=/other", "LANG=",           nullptr};
  EXPECT_THAT(child_environment(parent, {{"OMP_WAIT_POLICY", "passive"}, {"HF_HOME", "/x"}}),
              UnorderedElementsAre("PATH=/bin", "LANG=", "OMP_WAIT_POLICY=passive", "HF_HOME=/x"));
}

}  // namespace
}  // namespace atelier::platform
