#include "http/endpoints/image_request.h"

#include <gtest/gtest.h>

#include "tests/doubles/scheduler_double.h"

namespace atelier::http {
namespace {

card::GenerationInput input_of(const ImageRequest& request) {
  return request.job.input.parameters.as<card::GenerationInput>();
}

ImageBody body_with(const char* prompt) {
  ImageBody body;
  body.prompt = prompt;
  return body;
}

TEST(ImageRequest, SplitsThePromptAtTheGallerysBar) {
  const auto parts = split_prompt("a cat | negative: dog | negative: rain");
  EXPECT_EQ(parts.prompt, "a cat");
  EXPECT_EQ(parts.negative, "dog | negative: rain");
  EXPECT_EQ(split_prompt("a | b").negative, std::nullopt);
}

TEST(ImageRequest, TheFieldTakesPrecedenceOverTheBar) {
  SchedulerDouble scheduler;
  ImageBody body = body_with("a | negative: b");
  body.negative_prompt = "c";
  EXPECT_EQ(input_of(read_image_request(body, scheduler)).negative_prompt, "c");
}

TEST(ImageRequest, RoundsSizesToTheNearestEightWithAWarning) {
  SchedulerDouble scheduler;
  ImageBody body = body_with("x");
  body.width = 1021;
  body.height = 720;
  const auto request = read_image_request(body, scheduler);
  EXPECT_EQ(input_of(request).width, 1024);
  EXPECT_EQ(input_of(request).height, 720);
  ASSERT_EQ(request.warnings.size(), 1U);
}

TEST(ImageRequest, LeavesASideThatIsOutOfBoundsUnchanged) {
  SchedulerDouble scheduler;
  ImageBody body = body_with("x");
  for (const auto& [size, side] : {std::pair{"7x7", 7}, {"59x59", 59}, {"2052x2052", 2052}}) {
    body.size = size;
    const auto request = read_image_request(body, scheduler);
    EXPECT_EQ(input_of(request).width, side);
    EXPECT_EQ(input_of(request).height, side);
    EXPECT_TRUE(request.warnings.empty());
  }
}

TEST(ImageRequest, RunsAtLeastOneStepOfAnEditWithASmallStrength) {
  SchedulerDouble scheduler;
  ImageBody body = body_with("x");
  body.image = "aGk=";
  body.steps = 8;
  body.strength = 0.05;
  const auto input = input_of(read_image_request(body, scheduler));
  EXPECT_GE(8 * *input.strength, 1.0);
  EXPECT_LT(8 * *input.strength, 1.01);
  body.steps.reset();  // the card's 20
  EXPECT_GE(20 * *input_of(read_image_request(body, scheduler)).strength, 1.0);
  body.strength = 0.75;
  EXPECT_TRUE(read_image_request(body, scheduler).warnings.empty());
}

TEST(ImageRequest, TakesTheKeysOfAllThreeDialects) {
  SchedulerDouble scheduler;
  ImageBody body = body_with("x");
  body.size = "896X512";
  body.num_images = 2;
  body.cfg_scale = 4.5;
  body.seed = 18446744073709551615ULL;
  body.num_inference_steps = 12;
  const auto input = input_of(read_image_request(body, scheduler));
  EXPECT_EQ(input.width, 896);
  EXPECT_EQ(input.height, 512);
  EXPECT_EQ(input.batch, 2);
  EXPECT_EQ(input.guidance, 4.5);
  EXPECT_EQ(input.steps, 12);
  EXPECT_EQ(input.seed, 18446744073709551615ULL);
}

TEST(ImageRequest, AcceptsTheKeysOfOtherPrograms) {
  SchedulerDouble scheduler;
  ImageBody body = body_with("x");
  body.num_steps = 9;
  body.guidance = 3.5;
  body.batch_size = 3;
  body.init_image = "aGk=";
  body.denoising_strength = 0.5;
  const auto request = read_image_request(body, scheduler);
  const auto& job = request.job;
  EXPECT_EQ(input_of(request).steps, 9);
  EXPECT_EQ(input_of(request).guidance, 3.5);
  EXPECT_EQ(input_of(request).batch, 3);
  EXPECT_EQ(input_of(request).strength, 0.5);
  EXPECT_EQ(job.attachments.at("image").size(), 2U);
  EXPECT_EQ(job.names.of("steps"), "/num_steps");
  EXPECT_EQ(job.names.of("batch"), "/batch_size");
  EXPECT_EQ(job.names.of("prompt"), "/prompt");
}

TEST(ImageRequest, WarnsAboutWhatHasNoEffect) {
  SchedulerDouble scheduler;
  ImageBody body = body_with("x");
  body.strength = 0.75;  // the gallery sends it with every request
  body.response_format = "b64_json";
  body.output_format = "png";
  body.background = "auto";
  EXPECT_TRUE(read_image_request(body, scheduler).warnings.empty());
  body.response_format = "url";
  EXPECT_TRUE(read_image_request(body, scheduler).warnings.empty());  // a url is sent
  body.strength = 0.4;
  body.response_format = "gif";
  body.output_format = "webp";
  body.background = "transparent";
  body.stream = true;
  EXPECT_EQ(read_image_request(body, scheduler).warnings.size(), 5U);
}

TEST(ImageRequest, DoesNotWarnAboutKeysThatOpenAisClientsAlwaysSend) {
  EXPECT_TRUE(describe_unread({"/user", "/quality", "/style"}).empty());
  const auto warnings = describe_unread({"/user", "/stepz"});
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings.front(), "unknown field 'stepz' was ignored (did you mean 'steps'?)");
}

TEST(ImageRequest, AnUnknownSamplerFallsBackForTheGalleryAndIsRefusedForOthers) {
  SchedulerDouble scheduler;
  scheduler.now.samplers = {{"euler", "Euler", true, {}}};
  ImageBody gallery = body_with("x");
  gallery.scheduler = "no such thing";
  for (const auto unknown : {UnknownSampler::kFallBack, UnknownSampler::kRefuse}) {
    const auto request = read_image_request(gallery, scheduler, unknown);
    EXPECT_EQ(input_of(request).sampler, "");
    EXPECT_EQ(request.warnings.size(), 1U);
  }
  ImageBody other = body_with("x");
  other.sampler = "eular";
  EXPECT_EQ(read_image_request(other, scheduler, UnknownSampler::kFallBack).warnings.size(), 1U);
  // The scheduler refuses it with the nearest names.
  const auto refused = read_image_request(other, scheduler, UnknownSampler::kRefuse);
  EXPECT_EQ(input_of(refused).sampler, "eular");
  EXPECT_EQ(refused.job.names.of("sampler"), "/sampler");
  EXPECT_TRUE(refused.warnings.empty());
}

}  // namespace
}  // namespace atelier::http
