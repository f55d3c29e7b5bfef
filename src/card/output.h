// The kinds of outputs that tasks make, and what the value of each is. Used by the task's
// description, the pipelines, the endpoints and the command line. Plain values.
//   "picture"  pixels; kept as a file (scheduler/outputs/picture.cpp)
//   "labels"   an array of LabelScore, the highest score first
//   "text"     a string
#pragma once

#include <array>
#include <boost/describe.hpp>
#include <string>
#include <string_view>

namespace atelier::card {

inline constexpr std::array<std::string_view, 3> kOutputKinds{"picture", "labels", "text"};

struct LabelScore {
  std::string label;
  double score = 0;  // 0 to 1
};
BOOST_DESCRIBE_STRUCT(LabelScore, (), (label, score))

}  // namespace atelier::card
