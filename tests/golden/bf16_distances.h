// How far bf16 numbers may be from fp32 numbers: 1.5 times as far as the reference's own bf16
// numbers are from its fp32 numbers (tools/reference/make_bf16_distances.py). Our fp32 numbers
// are the baseline: other golden tests verify them. Test code: a missing file throws.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/tensor/torch_compat.h"

namespace atelier::engine {

class Bf16Distance {
 public:
  // `name`: "unet", "vae" or "pictures".
  explicit Bf16Distance(const std::string& name) {
    std::ifstream file(ATELIER_SOURCE_DIR "/tests/golden/data/bf16_distances.json");
    if (!file) throw std::runtime_error("cannot open bf16_distances.json");
    std::stringstream text;
    text << file.rdbuf();
    const boost::json::value json = boost::json::parse(text.str());
    cases_ = json.at(name).at("cases").as_array();
    reference_ = json.at(name).at("distance").to_number<double>();
  }

  const boost::json::array& cases() const { return cases_; }

  void add(const Tensor& bf16, const Tensor& fp32) {
    ASSERT_EQ(bf16.sizes(), fp32.sizes());
    const Tensor truth = fp32.to(at::kDouble);
    difference_ += (bf16.to(at::kDouble) - truth).square().sum().item<double>();
    total_ += truth.square().sum().item<double>();
  }

  void expect_near_enough() const {
    const double found = std::sqrt(difference_ / total_);
    ::testing::Test::RecordProperty("distance", std::to_string(found));
    // The negation also catches NaN.
    EXPECT_FALSE(!(found <= 1.5 * reference_))
        << found << " is " << found / reference_ << " times the reference's distance";
    EXPECT_GT(found, 0.0) << "both runs were the same";
  }

 private:
  boost::json::array cases_;
  double reference_ = 0, difference_ = 0, total_ = 0;
};

}  // namespace atelier::engine
