#include "app/task_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>

#include "card/tasks/generate.h"
#include "platform/error.h"

namespace atelier::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A task of its own, so that the flags of every kind of row are seen.
struct ToyInput {
  std::string question, style = "short";
  std::optional<int> most;
  double weight = 0.5;
  bool fold_case = false, keep_order = true;
  std::optional<std::uint64_t> seed;
};
BOOST_DESCRIBE_STRUCT(ToyInput, (), (question, style, most, weight, fold_case, keep_order, seed))

const card::TaskDescription& toy_task() {
  static const card::TaskDescription kTask{
      .id = "toy",
      .parameters = {{.name = "question", .kind = "string", .help = "What to answer"},
                     {.name = "style",
                      .kind = "choice",
                      .help = "How long",
                      .default_value = "short",
                      .choices = {"short", "long", "endless"}},
                     {.name = "most",
                      .kind = "integer",
                      .help = "Answers",
                      .minimum = 1,
                      .maximum = 9,
                      .default_value = "3"},
                     {.name = "weight", .kind = "number", .help = "Of it", .needs = "image"},
                     {.name = "fold_case", .kind = "boolean", .default_value = "false"},
                     {.name = "keep_order", .kind = "boolean", .default_value = "true"},
                     {.name = "seed", .kind = "integer", .help = "Of the noise"}},
      .attachments = {{.role = "image", .title = "Picture"}},
      .priority = 1,
      .input = card::codec_of<ToyInput>(),
      .facts = card::codec_of<ToyInput>()};
  return kTask;
}

class TaskFlagsTest : public testing::Test {
 protected:
  // As a command of a program parses it.
  void parse(const std::string& line) {
    CLI::App command;
    flags_.add_to(command);
    help_ = command.help();
    command.parse(line);
  }

  std::string refusal() const {
    try {
      flags_.job();
    } catch (const Error& error) {
      return error.field() + ": " + error.what();
    }
    return "";
  }

  TaskFlags flags_{toy_task(), {.positional = "question", .aliases = {{"most", "--top"}}}};
  std::string help_;
};

TEST_F(TaskFlagsTest, FlagsBecomeMembersOfTheInput) {
  parse(
      "why --style long --top 4 --weight 0.25 --fold-case --no-keep-order "
      "--seed 18446744073709551615");
  const auto job = flags_.job();
  const auto& input = job.input.parameters.as<ToyInput>();
  EXPECT_EQ(input.question, "why");
  EXPECT_EQ(input.style, "long");
  EXPECT_EQ(input.most, 4);
  EXPECT_EQ(input.weight, 0.25);
  EXPECT_TRUE(input.fold_case);
  EXPECT_FALSE(input.keep_order);
  EXPECT_EQ(input.seed, 18446744073709551615ULL);
  EXPECT_EQ(job.priority, 1);
  EXPECT_EQ(flags_.text("question"), "why");
}

TEST_F(TaskFlagsTest, FlagsThatAreAbsentLeaveTheDefaults) {
  parse("why --most 2 --seed -1");  // by its own name, too
  flags_.set("style", "", "--style");
  const auto input = flags_.job().input.parameters.as<ToyInput>();
  EXPECT_EQ(input.most, 2);
  EXPECT_EQ(input.style, "short");
  EXPECT_EQ(input.weight, 0.5);
  EXPECT_FALSE(input.fold_case);
  EXPECT_TRUE(input.keep_order);
  EXPECT_EQ(input.seed, std::nullopt);
}

TEST_F(TaskFlagsTest, RefusalsNameTheFlag) {
  EXPECT_THROW(parse("--top 3"), CLI::RequiredError);
  EXPECT_THROW(parse("why --top many"), CLI::ConversionError);
  parse("why --weight nan");
  EXPECT_EQ(refusal(), "--weight: invalid number: expected a finite number, for example 0.75");
  parse("why --weight 1 --style loud");
  EXPECT_EQ(refusal(), "--style: 'loud' is not known: choose short, long or endless");
  parse("why --style short --seed 1.5");
  EXPECT_THAT(refusal(), HasSubstr("--seed: invalid seed '1.5': use a whole number from 0"));
  parse("why --seed 1 --image /no/such/file");
  EXPECT_NE(refusal(), "");
}

TEST_F(TaskFlagsTest, FieldsOfErrorsAreRenamedToFlags) {
  parse("why");
  flags_.set("weight", 2.0, "--load");
  const auto names = flags_.job().names;
  EXPECT_EQ(names.of("question"), "the question");
  EXPECT_EQ(names.of("most"), "--top");
  EXPECT_EQ(names.of("fold_case"), "--fold-case");
  EXPECT_EQ(names.of("keep_order"), "--no-keep-order");
  EXPECT_EQ(names.of("weight"), "--load");
  EXPECT_EQ(names.of("image"), "--image");
}

TEST_F(TaskFlagsTest, TheHelpHasRangeChoicesAndDefault) {
  parse("why");
  EXPECT_THAT(help_, HasSubstr("Answers (1 to 9; default 3)"));
  EXPECT_THAT(help_, HasSubstr("short, long or endless"));
  EXPECT_THAT(help_, HasSubstr("--no-keep-order"));
}

TEST_F(TaskFlagsTest, AttachmentsAreFiles) {
  const auto path = std::filesystem::temp_directory_path() / "atelier-task-flags-test";
  std::ofstream(path) << "hi";
  parse("why --image " + path.string());
  EXPECT_THAT(flags_.job().attachments.at("image"), ElementsAre('h', 'i'));
  std::ofstream(path).close();
  EXPECT_THAT(refusal(), HasSubstr("--image: the file '"));
  std::filesystem::remove(path);
}

TEST_F(TaskFlagsTest, FlagsWithoutEffectAreReportedAndDropped) {
  parse("why --weight 0.25");
  auto job = flags_.job();
  EXPECT_THAT(take_without_effect(job),
              ElementsAre("--weight was ignored: it has no effect without 'image'"));
  EXPECT_EQ(job.input.parameters.as<ToyInput>().weight, 0.5);
  EXPECT_TRUE(take_without_effect(job).empty());
  job.attachments["image"] = {1};
  job.input.parameters = job.input.parameters.with("weight", 0.25);
  EXPECT_TRUE(take_without_effect(job).empty());
}

}  // namespace
}  // namespace atelier::app
