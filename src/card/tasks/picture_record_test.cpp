#include "card/tasks/picture_record.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace atelier::card {
namespace {

TEST(PictureRecord, HasTheValuesThatWereUsed) {
  GenerationUsed used;
  used.prompt = "a \"ring\"\nin the sky";
  used.seed = 18446744073709551614ULL;
  used.sampler = "Euler";
  used.matte = "#00ff00";
  used.keep_outside = false;
  const auto record = boost::json::parse(write_picture_record("01J", used, 1));
  EXPECT_EQ(record.at("seed").as_uint64(), 18446744073709551615ULL);
  EXPECT_EQ(record.at("seed_text"), "18446744073709551615");
  EXPECT_EQ(record.at("index").as_int64(), 1);
  EXPECT_EQ(record.at("job").as_string(), "01J");
  EXPECT_EQ(record.at("used").at("prompt").as_string(), used.prompt);
  EXPECT_EQ(record.at("used").at("sampler").as_string(), "Euler");
  EXPECT_EQ(record.at("used").at("matte").as_string(), "#00ff00");
  EXPECT_EQ(record.at("used").at("keep_outside").as_bool(), false);
}

}  // namespace
}  // namespace atelier::card
