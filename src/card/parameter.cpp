#include "card/parameter.h"

#include <algorithm>

#include "json/describe.h"

namespace atelier::card {
namespace {

std::string text_of(double number) {
  std::string text;
  json::append_number(text, number);
  return text;
}

void narrow(Parameter& row, const Parameter& to) {
  const auto inside = [&row](double value) {
    return (!row.minimum || value >= *row.minimum) && (!row.maximum || value <= *row.maximum);
  };
  if (to.minimum && inside(*to.minimum)) row.minimum = to.minimum;
  if (to.maximum && inside(*to.maximum)) row.maximum = to.maximum;
  if (to.slider_maximum && inside(*to.slider_maximum)) row.slider_maximum = to.slider_maximum;
  if (to.step && row.step && std::max(*to.step, *row.step) == *to.step) row.step = to.step;
  if (!to.default_value.empty()) row.default_value = to.default_value;
  std::vector<std::string> choices, titles;
  for (std::size_t i = 0; i < to.choices.size(); ++i) {
    const auto& choice = to.choices[i];
    if (!row.choices.empty() && std::ranges::find(row.choices, choice) == row.choices.end()) {
      continue;
    }
    choices.push_back(choice);
    titles.push_back(i < to.choice_titles.size() ? to.choice_titles[i] : choice);
  }
  if (choices.empty()) return;
  row.choices = std::move(choices);
  row.choice_titles = std::move(titles);
}

}  // namespace

const Parameter* find_parameter(const std::vector<Parameter>& rows, const std::string& name) {
  const auto found = std::ranges::find(rows, name, &Parameter::name);
  return found == rows.end() ? nullptr : &*found;
}

std::vector<Parameter> narrowed(const std::vector<Parameter>& base,
                                const std::vector<Parameter>& overrides) {
  auto rows = base;
  for (auto& row : rows) {
    if (const auto* to = find_parameter(overrides, row.name)) narrow(row, *to);
  }
  return rows;
}

std::string range_of(const Parameter& row) {
  std::string text;
  if (row.step && *row.step > 1 && row.kind == "integer") {
    text = "a multiple of " + text_of(*row.step) + " from ";
  }
  const std::string least = row.minimum ? text_of(*row.minimum) : "";
  const std::string most = row.maximum ? text_of(*row.maximum) : "";
  if (row.exclusive_minimum) return "above " + least + " and at most " + most;
  if (least.empty()) return text + "at most " + most;
  if (most.empty()) return text + "at least " + least;
  return text + least + " to " + most;
}

}  // namespace atelier::card
