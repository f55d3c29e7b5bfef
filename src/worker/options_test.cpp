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

TEST(Options, RefuseWhatTheyDoNotKnow) {
  EXPECT_THROW(read_options(std::array{"--colour", "red"}), Error);
  EXPECT_THROW(read_options(std::array{"--engine"}), Error);
  EXPECT_THROW(read_options(std::array{"--fd", "three"}), Error);
  EXPECT_THROW(read_options(std::array{"--threads", "-1"}), Error);
}

}  // namespace
}  // namespace atelier::worker
