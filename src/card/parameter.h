// One row of a parameter table: the meaning and the accepted values of a member of a task's input.
// Validation, the OpenAPI document, the command line and the page's form are made from these rows
// alone. A task has one row per member (tasks/<task>.h); a model's card may narrow a row (ranges,
// choices, default), never widen it. Plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace atelier::card {

struct Parameter {
  std::string name = {};  // member of the task's input, e.g. "steps"
  std::string kind = {};  // "integer", "number", "boolean", "string", "choice", "model" (id of one)
  std::string title = {}, help = {};
  std::string unit = {};                             // "pixels"; "" is none
  std::optional<double> minimum = {}, maximum = {};  // integer, number: inclusive bounds
  bool exclusive_minimum = false;                    // the minimum itself is refused
  std::optional<double> step = {};                   // integer: a multiple of it, counted from 0
  std::optional<double> slider_maximum = {};  // of a form's slider, where usual values end earlier
  std::optional<int> bytes_max = {};          // string: length in bytes of UTF-8
  std::string default_value = {};             // as text; "" is none
  std::vector<std::string> choices = {};      // choice: the accepted values, besides ""
  std::vector<std::string> choice_titles = {};  // of each choice, for people; empty: the values
  std::string list =
      {};  // choice: the engine's list whose names are accepted; model: their task, "" is this one
  std::string needs = {};  // role of the attachment without which it has no effect; "" is none
};

// The rows of `base` with the ranges, choices and defaults that `overrides` narrow them to. Rows
// are matched by name; an override without a row, or outside of it, is left out.
std::vector<Parameter> narrowed(const std::vector<Parameter>& base,
                                const std::vector<Parameter>& overrides);

// nullptr: there is no such row.
const Parameter* find_parameter(const std::vector<Parameter>& rows, const std::string& name);

// "8 to 2048, a multiple of 8": the numbers of a row, for sentences.
std::string range_of(const Parameter& row);

}  // namespace atelier::card
