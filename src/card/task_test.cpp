#include "card/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "card/all_tasks.h"
#include "card/named_choices.h"
#include "card/output.h"
#include "card/standard_rows.h"
#include "card/tasks/generate.h"
#include "card/validation.h"
#include "platform/error.h"

namespace atelier::card {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::vector<std::string> names_of(const std::vector<Parameter>& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) names.push_back(row.name);
  return names;
}

TEST(Tasks, HaveOneRowForEachMemberOfTheirInput) {
  for (const auto* task : all_tasks()) {
    EXPECT_THAT(names_of(task->parameters),
                testing::UnorderedElementsAreArray(task->input.members()))
        << task->id;
  }
}

TEST(Tasks, HaveRowsWhoseDefaultsAreThoseOfTheirStruct) {
  for (const auto* task : all_tasks()) {
    const TaskInput defaults(*task, boost::json::object{});
    for (const auto& row : task->parameters) {
      ASSERT_TRUE(defaults.members().contains(row.name)) << task->id << " " << row.name;
      const auto& value = defaults.members().at(row.name);
      if (value.is_null() || (value.is_string() && value.get_string().empty())) continue;
      std::string text;
      json::append_value(text, value);
      const std::string expected =
          value.is_string() ? '"' + row.default_value + '"' : row.default_value;
      EXPECT_EQ(text, expected) << task->id << " " << row.name;
    }
  }
}

TEST(Tasks, HaveRowsAndOutputsOfKnownKinds) {
  const std::set<std::string> kinds{"integer", "number", "boolean", "string", "choice", "model"};
  for (const auto* task : all_tasks()) {
    for (const auto& row : task->parameters) {
      EXPECT_TRUE(kinds.contains(row.kind)) << task->id << " " << row.name << ": " << row.kind;
    }
    EXPECT_FALSE(task->outputs.empty()) << task->id;
    for (const auto& kind : task->outputs) {
      EXPECT_NE(std::ranges::find(kOutputKinds, kind), kOutputKinds.end())
          << task->id << ": " << kind;
    }
  }
}

// A job runs with a model; a composite task has those of its steps.
TEST(Tasks, HaveAModelUnlessTheyAreComposite) {
  for (const auto* task : all_tasks()) {
    if (task->steps) continue;
    EXPECT_NE(find_parameter(task->parameters, std::string(kModelMember)), nullptr) << task->id;
    EXPECT_FALSE(task->capability.empty()) << task->id;
  }
}

TEST(Tasks, NameOnlyAttachmentsOfTheirOwn) {
  for (const auto* task : all_tasks()) {
    for (const auto& row : task->parameters) {
      if (!row.needs.empty()) {
        EXPECT_NE(find_attachment(*task, row.needs), nullptr) << row.name;
      }
    }
    for (const auto& attachment : task->attachments) {
      if (!attachment.needs.empty()) {
        EXPECT_NE(find_attachment(*task, attachment.needs), nullptr) << attachment.role;
      }
    }
  }
}

TEST(TaskInputs, KeepTheirStructAndItsJson) {
  GenerationInput given;
  given.prompt = "a ring";
  given.seed = 18446744073709551615ULL;
  const auto input = TaskInput::of(generate_task(), given);
  EXPECT_EQ(input.as<GenerationInput>().seed, given.seed);
  EXPECT_EQ(input.text("prompt"), "a ring");
  EXPECT_THAT(input.json(), HasSubstr("18446744073709551615"));
  EXPECT_EQ(input.with("batch", 3).as<GenerationInput>().batch, 3);
  EXPECT_FALSE(input.has("steps"));
}

TEST(TaskInputs, OfAnUnknownTaskAreKeptAsTheyAre) {
  const auto input = stored_input("sculpt", {{"clay", 2}});
  EXPECT_EQ(input.task(), nullptr);
  EXPECT_EQ(input.task_id(), "sculpt");
  EXPECT_EQ(input.json(), R"({"clay":2})");
  EXPECT_THROW(check_input(input, {}, {}), Error);
  EXPECT_EQ(stored_input("generate", {{"steps", "many"}}).task(), nullptr);
}

TEST(Rows, OfferTheNumberFormatsOfTheDevice) {
  const auto choices = [](const std::vector<std::string>& dtypes) {
    return find_parameter(offered(generate_task().parameters, dtypes), "dtype")->choices;
  };
  EXPECT_EQ(choices({"fp32", "bf16"}), (std::vector<std::string>{"fp32", "bf16"}));
  EXPECT_EQ(choices({}), (std::vector<std::string>{"fp32", "bf16", "fp16"}));  // not known yet
  EXPECT_EQ(offered(generate_task().parameters, {"fp32"}).size(),
            generate_task().parameters.size());
}

TEST(Cards, NarrowRowsAndNeverWidenThem) {
  const std::vector<Parameter> base{
      {.name = "steps", .kind = "integer", .minimum = 1, .maximum = 100, .default_value = "20"},
      {.name = "fit", .kind = "choice", .choices = {"a", "b"}}};
  const auto rows = narrowed(base, {{.name = "steps", .minimum = 0, .maximum = 8},
                                    {.name = "fit", .choices = {"b", "c"}},
                                    {.name = "other", .maximum = 1}});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].minimum, 1);
  EXPECT_EQ(rows[0].maximum, 8);
  EXPECT_EQ(rows[0].default_value, "20");
  EXPECT_THAT(rows[1].choices, ElementsAre("b"));
}

TEST(Cards, RefuseWithTheNumbersOfTheirOwnRow) {
  ModelCard model;
  model.id = "quick";
  model.capabilities = {"text_to_image"};
  model.tasks = {
      {"generate", narrowed(generate_task().parameters, {{.name = "steps", .maximum = 8}})}};
  GenerationInput input;
  input.steps = 9;
  try {
    check_input(TaskInput::of(generate_task(), input), model, {});
    FAIL() << "it was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.field(), "steps");
    EXPECT_STREQ(error.what(), "9 is out of range: choose 1 to 8");
  }
}

class Names : public testing::Test {
 protected:
  TaskInput resolved(const std::string& sampler, const std::string& schedule = "") {
    GenerationInput input;
    input.sampler = sampler;
    input.schedule = schedule;
    return with_ids(TaskInput::of(generate_task(), input), lists_);
  }
  std::string refusal(const std::string& sampler) {
    try {
      resolved(sampler);
    } catch (const Error& error) {
      return error.field() + ": " + error.what();
    }
    return "";
  }
  const NamedLists lists_{{"samplers",
                           {{"euler", "Euler", true, {"k_euler"}},
                            {"dpmpp_2m", "DPM++ 2M", true, {}},
                            {"lms", "LMS", false, {}}}},
                          {"schedules", {{"karras", "Karras", true, {}}}}};
};

TEST_F(Names, BecomeIds) {
  EXPECT_EQ(resolved("DPM++ 2M").text("sampler"), "dpmpp_2m");
  EXPECT_EQ(resolved("K Euler", "KARRAS").text("schedule"), "karras");
  EXPECT_EQ(resolved("").text("sampler"), "");
}

TEST_F(Names, OfBothInOneAreSplit) {
  const auto input = resolved("DPM++ 2M Karras");
  EXPECT_EQ(input.text("sampler"), "dpmpp_2m");
  EXPECT_EQ(input.text("schedule"), "karras");
  EXPECT_EQ(resolved("karras").text("schedule"), "karras");
  EXPECT_EQ(resolved("karras").text("sampler"), "");
}

TEST_F(Names, ThatAreUnknownAreRefusedWithTheNearest) {
  EXPECT_THAT(refusal("eulr"),
              StartsWith("sampler: unknown name 'eulr': the nearest names are euler"));
  EXPECT_THAT(refusal("lms"), HasSubstr("'LMS' is not implemented yet"));
}

}  // namespace
}  // namespace atelier::card
