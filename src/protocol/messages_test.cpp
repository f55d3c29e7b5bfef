#include "protocol/messages.h"

#include <gtest/gtest.h>

#include "card/tasks/generate.h"

namespace atelier::protocol {
namespace {

TEST(Messages, ARequestSurvivesARoundTrip) {
  card::GenerationInput input;
  input.prompt = "a \"red\" circle\n\xF0\x9F\x94\xB4";
  input.seed = 18446744073709551615ULL;
  input.guidance = 7.1;
  input.fit = card::FitMode::kCover;
  RunRequest request;
  request.job = "01J";
  request.task = card::generate_task().id;
  request.input = json::parse(json::write_json(input));
  request.models["model"] = model_files("sd15", "/models/a b\xff.safetensors");
  std::vector<Bytes> parts;
  request.attachments["image"] = {{add_picture(parts, {2, 1, 3, {1, 2, 3, 4, 5, 6}}), 7}};

  Message message = read_message(request_frame(7, request, std::move(parts)));
  EXPECT_EQ(message.kind, Message::Kind::kRequest);
  EXPECT_EQ(message.id, 7);
  EXPECT_EQ(message.method, "run");
  const auto got = message.body_as<RunRequest>();
  EXPECT_EQ(got.job, request.job);
  EXPECT_EQ(got.task, request.task);
  EXPECT_EQ(path_of(got.models.at("model")), "/models/a b\xff.safetensors");
  const card::TaskInput read(card::generate_task(), got.input);
  EXPECT_EQ(read.as<card::GenerationInput>().prompt, input.prompt);
  EXPECT_EQ(read.as<card::GenerationInput>().seed, input.seed);
  EXPECT_EQ(read.as<card::GenerationInput>().guidance, input.guidance);
  EXPECT_EQ(read.as<card::GenerationInput>().fit, card::FitMode::kCover);
  EXPECT_FALSE(read.as<card::GenerationInput>().negative_prompt);
  EXPECT_EQ(got.attachments.size(), 1U);
  const media::Image image = take_picture(message.parts, got.attachments.at("image").at(0).picture);
  EXPECT_EQ(image.width, 2);
  EXPECT_EQ(image.pixels, (Bytes{1, 2, 3, 4, 5, 6}));
}

TEST(Messages, AReplyCarriesOutputsOfEveryKindInOrder) {
  RunReply reply;
  reply.job = "01J";
  std::vector<Bytes> parts;
  reply.outputs.push_back({"picture", add_picture(parts, {1, 1, 3, {1, 2, 3}}), {}});
  reply.outputs.push_back({"labels", {}, json::parse(R"([{"label":"cat","score":0.5}])")});
  reply.facts = json::parse(R"({"seed":18446744073709551615})");
  reply.timing["load_ms"] = 1.5;
  Message message = read_message(result_frame(7, reply, std::move(parts)));
  const auto got = message.body_as<RunReply>();
  ASSERT_EQ(got.outputs.size(), 2U);
  EXPECT_EQ(take_picture(message.parts, got.outputs[0].picture.value()).pixels, (Bytes{1, 2, 3}));
  EXPECT_FALSE(got.outputs[1].picture);
  EXPECT_EQ(got.outputs[1].value, reply.outputs[1].value);
  EXPECT_EQ(got.facts, reply.facts);
  EXPECT_EQ(got.timing.at("load_ms"), 1.5);
}

TEST(Messages, AnEmptyNegativePromptDiffersFromAnAbsentOne) {
  card::GenerationInput input;
  input.negative_prompt = "";
  RunRequest request;
  request.input = json::parse(json::write_json(input));
  const auto got = read_message(request_frame(1, request)).body_as<RunRequest>();
  const card::TaskInput read(card::generate_task(), got.input);
  EXPECT_EQ(read.as<card::GenerationInput>().negative_prompt, "");
}

TEST(Messages, TheHelloCarriesTheEnginesReportAndCards) {
  HelloReply reply;
  reply.engine = EngineFacts{};
  reply.engine->libtorch = "1.13.1";
  reply.engine->problems = {"reference BLAS: install libopenblas-openmp-dev"};
  reply.samplers = {{"euler", "Euler", true, {"k_euler"}}};
  card::ModelCard card;
  card.id = "fake";
  card.tasks = {{"generate", {{.name = "steps", .minimum = 1, .maximum = 1000}}}};
  reply.cards = {card};
  const Message message = read_message(result_frame(1, reply));
  EXPECT_EQ(message.kind, Message::Kind::kResult);
  const auto got = message.body_as<HelloReply>();
  ASSERT_TRUE(got.engine);
  EXPECT_EQ(got.engine->libtorch, "1.13.1");
  EXPECT_EQ(got.engine->problems, reply.engine->problems);
  EXPECT_EQ(got.samplers.at(0).aliases, reply.samplers[0].aliases);
  EXPECT_EQ(got.cards.at(0).tasks.at(0).parameters.at(0).maximum, 1000);
}

TEST(Messages, AFailureCarriesItsCodeSentenceAndField) {
  const Message message = read_message(
      failure_frame(3, Error(ErrorCode::kOutOfMemory, "steps", "needs 6.9 GB, \"3.1\" is free")));
  EXPECT_EQ(message.kind, Message::Kind::kFailure);
  EXPECT_EQ(message.id, 3);
  EXPECT_EQ(message.failure_code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(message.failure, "needs 6.9 GB, \"3.1\" is free");
  EXPECT_EQ(message.error().field(), "steps");
  EXPECT_EQ(read_message(failure_frame(4, Error(ErrorCode::kInternal, "no"))).failure_field, "");
}

TEST(Messages, AFailureMayQuoteAnyBytesAtAnyLength) {
  for (const std::string& quoted :
       {std::string("a sampler's name \xC3"), std::string("\xFF\xFE\x00\x80", 4),
        std::string(std::size_t{30} << 20, '\x01'), "x" + std::string(100'000, '\xE4')}) {
    const Frame frame = failure_frame(1, Error(ErrorCode::kCorruptData, quoted));
    EXPECT_EQ(over_limit(frame), "");
    const Message message = read_message(frame);
    EXPECT_EQ(message.failure_code, ErrorCode::kCorruptData);
    EXPECT_FALSE(message.failure.empty());
  }
}

TEST(Messages, ANotificationHasNoId) {
  const Message message = read_message(notification_frame(CancelNotification{"job"}));
  EXPECT_EQ(message.kind, Message::Kind::kNotification);
  EXPECT_EQ(message.method, "cancel");
  EXPECT_EQ(message.body_as<CancelNotification>().job, "job");
}

TEST(Messages, TextKeepsItsBytesAndItsOffset) {
  const TextNotification sent{"job", 7, "zwölf \u65e5\u672c\n\"quoted\" \x01"};
  const Message message = read_message(notification_frame(sent));
  EXPECT_EQ(message.method, "text");
  const auto text = message.body_as<TextNotification>();
  EXPECT_EQ(text.job, "job");
  EXPECT_EQ(text.offset, 7);
  EXPECT_EQ(text.text, sent.text);
}

TEST(Messages, ABodyOfAnotherTypeIsRefusedWithThePointer) {
  const Message message = read_message(
      {R"({"jsonrpc":"2.0","id":1,"method":"run","params":{"attachments":{"image":[{"picture":{"width":"wide"}}]}}})",
       {}});
  try {
    message.body_as<RunRequest>();
    FAIL() << "was read";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("/attachments/image/0/picture/width"),
              std::string::npos)
        << error.what();
  }
}

TEST(Messages, OtherThanJsonRpcIsRefused) {
  for (const char* text :
       {"[]", "{}", R"({"jsonrpc":"1.0","method":"a"})", R"({"jsonrpc":"2.0"})",
        R"({"jsonrpc":"2.0","result":{}})", R"({"jsonrpc":"2.0","id":"x","result":{}})",
        R"({"jsonrpc":"2.0","id":1,"error":5})"}) {
    EXPECT_THROW(read_message({text, {}}), Error) << text;
  }
}

TEST(Messages, APictureWhosePixelsDoNotMatchItsSizeIsRefused) {
  std::vector<Bytes> parts{Bytes(12)};
  for (const PictureRef ref : {PictureRef{0, 3, 1, 3}, PictureRef{1, 2, 2, 3},
                               PictureRef{-1, 2, 2, 3}, PictureRef{0, -2, -2, 3},
                               PictureRef{0, 3, 2, 2}, PictureRef{0, 2147483647, 2147483647, 4}}) {
    EXPECT_THROW(take_picture(parts, ref), Error);
  }
  EXPECT_EQ(take_picture(parts, {0, 2, 2, 3}).pixels.size(), 12U);
}

TEST(Messages, AnotherProtocolVersionIsRefusedWithASentence) {
  EXPECT_EQ(version_problem(kProtocolVersion, "atelier"), "");
  const std::string problem = version_problem(kProtocolVersion + 1, "atelier");
  EXPECT_NE(problem.find("atelier speaks protocol version " + std::to_string(kProtocolVersion + 1)),
            std::string::npos)
      << problem;
}

}  // namespace
}  // namespace atelier::protocol
