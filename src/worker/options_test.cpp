#include "worker/options.h"

#include <gtest/gtest.h>

#include <array>

#include "platform/error.h"

namespace atelier::worker {
namespace {

TEST(Options, AreReadByName) {
  const std::array arguments{"--engine", "fake", "--fd", "7", "--fake", "step_ms=5"};
  const Options options = read_options(arguments);
  EXPECT_EQ(options.engine, "fake");
  EXPECT_EQ(options.fd, 7);
  EXPECT_EQ(options.fake, "step_ms=5");
  EXPECT_EQ(options.threads, 0);
}

TEST(Options, RefuseUnknownOptions) {
  EXPECT_THROW(read_options(std::array{"--colour", "red"}), Error);
  EXPECT_THROW(read_options(std::array{"--engine"}), Error);
  EXPECT_THROW(read_options(std::array{"--fd", "three"}), Error);
  EXPECT_THROW(read_options(std::array{"--threads", "-1"}), Error);
  EXPECT_THROW(read_options(std::array{"--threads=many"}), Error);
}

TEST(Options, NameTheOptionInTheRefusal) {
  try {
    read_options(std::array{"--fd", "three"});
    FAIL() << "'three' is not a number";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("--fd"), std::string::npos) << error.what();
  }
}

TEST(Options, HelpNamesEachOption) {
  const Options options = read_options(std::array{"--help"});
  for (const char* name : {"--engine", "--device", "--threads", "--assets", "--fake", "--fd"}) {
    EXPECT_NE(options.help.find(name), std::string::npos) << name;
  }
  EXPECT_EQ(read_options({}).help, "");
}

}  // namespace
}  // namespace atelier::worker
