#include "card/infotext.h"

#include <gtest/gtest.h>

namespace atelier::card {
namespace {

GenerationUsed circle() {
  GenerationUsed used;
  used.prompt = "a red circle, on a blue background";
  used.negative_prompt = "blurry, grey";
  used.model = "diffusers/atelier-starter-sd";
  used.model_hash = "0badcafe";
  used.sampler = "DPM++ 2M";
  used.schedule = "Karras";
  used.width = 128;
  used.height = 96;
  used.steps = 20;
  used.guidance = 7.5;
  used.seed = 18446744073709551610ULL;
  used.clip_skip = 2;
  return used;
}

TEST(Infotext, IsWrittenAsA1111WritesIt) {
  EXPECT_EQ(write_infotext(circle(), 1),
            "a red circle, on a blue background\n"
            "Negative prompt: blurry, grey\n"
            "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, "
            "Seed: 18446744073709551611, Size: 128x96, Model hash: 0badcafe, "
            "Model: diffusers/atelier-starter-sd, Clip skip: 2, Version: Atelier 0.1.0");
}

TEST(Infotext, SurvivesARoundTrip) {
  auto used = circle();
  used.prompt = "first line\nsecond: line, with, commas\nüber 日本語 🎨";
  used.negative_prompt = "a\nb";
  used.model = "odd, \"quoted\": name\nof two lines \\ back";
  used.strength = 0.6;
  const auto read = read_infotext(write_infotext(used, 0));
  EXPECT_EQ(read.prompt, used.prompt);
  EXPECT_EQ(read.negative_prompt, used.negative_prompt);
  EXPECT_EQ(read.field("Model"), used.model);
  EXPECT_EQ(read.field("Seed"), "18446744073709551610");
  EXPECT_EQ(read.field("Size"), "128x96");
  EXPECT_EQ(read.field("CFG scale"), "7.5");
  EXPECT_EQ(read.field("Denoising strength"), "0.6");
  EXPECT_EQ(read.field("Sampler"), "DPM++ 2M");
  EXPECT_EQ(read.field("Schedule type"), "Karras");
}

TEST(Infotext, WritesMatteAndKeepOutsideOnlyWhenTheyAreNotTheDefault) {
  auto used = circle();
  used.matte = "#ffffff";
  used.keep_outside = true;
  EXPECT_EQ(write_infotext(used, 1), write_infotext(circle(), 1));
  used.matte = "#00ff00";
  used.keep_outside = false;
  const auto read = read_infotext(write_infotext(used, 0));
  EXPECT_EQ(read.field("Matte"), "#00ff00");
  EXPECT_EQ(read.field("Keep outside"), "false");
}

TEST(Infotext, AnEmptyPromptSurvivesToo) {
  auto used = circle();
  used.prompt = "";
  used.negative_prompt = "";
  const auto read = read_infotext(write_infotext(used, 0));
  EXPECT_EQ(read.prompt, "");
  EXPECT_EQ(read.negative_prompt, "");
  EXPECT_EQ(read.field("Steps"), "20");
}

TEST(Infotext, ALastLineOfTwoPairsIsPartOfThePrompt) {
  const auto read = read_infotext("a cat\nmood: happy, light: soft");
  EXPECT_EQ(read.prompt, "a cat\nmood: happy, light: soft");
  EXPECT_TRUE(read.fields.empty());
}

TEST(Infotext, ReadsTextsOfOtherPrograms) {
  const auto read = read_infotext(
      "masterpiece, (best:1.2) <lora:x:0.8>\nNegative prompt: bad, (worst:1.4)\nSteps: 28, "
      "Sampler: Euler a, Schedule type: Automatic, CFG scale: 7, Seed: 1, Size: 512x768, Model: x, "
      "Lora hashes: \"x: 1234, y: 5678\", Version: v1.10.1");
  EXPECT_EQ(read.prompt, "masterpiece, (best:1.2) <lora:x:0.8>");
  EXPECT_EQ(read.negative_prompt, "bad, (worst:1.4)");
  EXPECT_EQ(read.field("Lora hashes"), "x: 1234, y: 5678");
  EXPECT_EQ(read.field("Version"), "v1.10.1");
  EXPECT_EQ(read.field("absent"), "");
}

TEST(Infotext, AcceptsAnyText) {
  for (const std::string text :
       {"", "\n\n\n", ":", "a:", "\"", "a: \"b, c: d, e: f, g: \"", "Negative prompt:"}) {
    read_infotext(text);
  }
  const auto read = read_infotext(std::string(4 << 20, 'a'));  // quadratic search would take hours
  EXPECT_EQ(read.prompt.size(), std::size_t{4 << 20});
}

}  // namespace
}  // namespace atelier::card
