// Reads what tools/reference/make_model_goldens.py wrote and compares tensors with it. Test code:
// a missing or malformed file ends the test with an exception.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/nn/module.h"
#include "tests/golden/seeded_weights.h"
#include "tests/golden/tolerances.h"

namespace atelier::engine {

inline std::vector<std::int64_t> golden_integers(const boost::json::value& list) {
  std::vector<std::int64_t> numbers;
  for (const boost::json::value& item : list.as_array()) {
    numbers.push_back(item.to_number<std::int64_t>());
  }
  return numbers;
}

// A whole file of tests/golden/data/models.
inline std::string read_golden(const std::string& file_name) {
  std::string path = ATELIER_SOURCE_DIR "/tests/golden/data/models/";
  path += file_name;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct GoldenCase {
  boost::json::object inputs;
  std::map<std::string, Tensor> outputs;
};

class ModelGolden {
 public:
  explicit ModelGolden(const std::string& name) {
    json_ = boost::json::parse(read_golden(name + ".json")).as_object();
    const std::string data = read_golden(name + ".f32");
    std::size_t offset = 0;
    for (const boost::json::value& item : json_.at("cases").as_array()) {
      GoldenCase one{item.as_object(), {}};
      for (const boost::json::value& output : item.at("outputs").as_array()) {
        Tensor tensor = at::empty(golden_integers(output.at("shape")), at::kFloat);
        const std::size_t bytes = static_cast<std::size_t>(tensor.numel()) * sizeof(float);
        if (offset + bytes > data.size()) throw std::runtime_error(name + ".f32 is too short");
        std::memcpy(tensor.data_ptr(), data.data() + offset, bytes);
        offset += bytes;
        one.outputs.emplace(output.at("name").as_string(), tensor);
      }
      cases_.push_back(std::move(one));
    }
    if (offset != data.size() || cases_.empty()) throw std::runtime_error(name + " has no cases");
  }

  const boost::json::object& config() const { return json_.at("config").as_object(); }
  const std::vector<GoldenCase>& cases() const { return cases_; }
  SeededSource source() const {
    std::map<std::string, std::vector<std::int64_t>> shapes;
    for (const auto& [name, shape] : json_.at("tensors").as_object()) {
      shapes.emplace(name, golden_integers(shape));
    }
    return {std::string(json_.at("component").as_string()), std::move(shapes)};
  }

 private:
  boost::json::object json_;
  std::vector<GoldenCase> cases_;
};

// Largest difference as a share of the largest reference value.
inline double golden_difference(const Tensor& found, const Tensor& reference) {
  if (found.sizes() != reference.sizes()) throw std::runtime_error("shapes differ");
  return ((found.to(at::kFloat) - reference).abs().max() / reference.abs().max()).item<double>();
}

inline void expect_golden(const Tensor& found, const Tensor& reference, at::ScalarType dtype,
                          const std::string& what) {
  ASSERT_EQ(found.sizes(), reference.sizes()) << what;
  // The negation also catches NaN.
  EXPECT_FALSE(!(golden_difference(found, reference) <= golden_tolerance(dtype)))
      << what << ": " << golden_difference(found, reference);
}

}  // namespace atelier::engine
