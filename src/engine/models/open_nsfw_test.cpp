#include "engine/models/open_nsfw.h"

#include "platform/error.h"
#include "tests/golden/model_golden.h"
#include "tests/golden/named_tensors.h"

namespace atelier::engine {
namespace {

struct GraphFile {
  std::string file = read_golden("open_nsfw.onnx");
  OnnxModel model = parse_onnx(std::as_bytes(std::span(file)), "open_nsfw.onnx");

  OpenNsfw load(at::ScalarType dtype) const {
    const OpenNsfwFile found = recognise_open_nsfw(model).value();
    const MemorySource tensors =
        tensors_in(std::as_bytes(std::span(file)), model.tensors, found.names);
    const Binder binder(tensors, dtype);
    OpenNsfw network(found.config, binder);
    binder.check_all_used();
    return network;
  }
};

void compare(at::ScalarType dtype) {
  const ModelGolden golden("open_nsfw");
  const Tensor pictures = seeded_input("pictures", {4, 3, 64, 64}) * 100;
  const Tensor scores = GraphFile().load(dtype).forward(pictures);
  expect_golden(scores, golden.cases()[0].outputs.at("scores"), dtype, "scores");
}

TEST(OpenNsfw, GivesTheNumbersOfOnnxRuntime) { compare(at::kFloat); }

TEST(OpenNsfw, StaysNearOnnxRuntimeInBfloat16) { compare(at::kBFloat16); }

TEST(OpenNsfw, ReadsItsSizesFromTheGraph) {
  const OpenNsfwConfig config = recognise_open_nsfw(GraphFile().model).value().config;
  EXPECT_EQ(config.image_size, 64);
  EXPECT_EQ(config.stem, 16);
  EXPECT_EQ(config.classes, 2);
  ASSERT_EQ(config.blocks.size(), 5u);
  EXPECT_EQ(config.blocks[2].stride, 2);
  EXPECT_TRUE(config.blocks[2].projects);
  EXPECT_FALSE(config.blocks[1].projects);
  EXPECT_EQ(config.blocks[4].out, 64);
}

TEST(OpenNsfw, RefusesGraphsThatComputeSomethingElse) {
  const GraphFile graph;
  const auto recognised_with = [&](auto&& change) {
    OnnxModel model = graph.model;
    change(model);
    return recognise_open_nsfw(model).has_value();
  };
  const auto node = [](OnnxModel& model, const std::string& type) -> OnnxNode& {
    for (OnnxNode& one : model.nodes) {
      if (one.type == type) return one;
    }
    throw std::runtime_error("no " + type);
  };
  EXPECT_TRUE(recognised_with([](OnnxModel&) {}));
  EXPECT_FALSE(recognised_with([&](OnnxModel& m) { node(m, "Relu").type = "Sigmoid"; }));
  EXPECT_FALSE(recognised_with([&](OnnxModel& m) { node(m, "Add").type = "Mul"; }));
  EXPECT_FALSE(recognised_with([&](OnnxModel& m) { node(m, "MaxPool").attributes.erase("pads"); }));
  EXPECT_FALSE(
      recognised_with([&](OnnxModel& m) { node(m, "Conv").attributes["group"].integers = {3}; }));
  EXPECT_FALSE(recognised_with(
      [&](OnnxModel& m) { node(m, "Transpose").attributes["perm"].integers = {0, 3, 2, 1}; }));
  EXPECT_FALSE(recognised_with([](OnnxModel& m) { m.inputs[0].shape = {-1, 128, 128, 3}; }));
  EXPECT_FALSE(recognised_with([](OnnxModel& m) { m.nodes.clear(); }));
  EXPECT_FALSE(recognised_with([](OnnxModel& m) { m.outputs.clear(); }));
}

TEST(OpenNsfw, RefusesPicturesOfAnotherSize) {
  EXPECT_THROW(GraphFile().load(at::kFloat).forward(at::zeros({1, 3, 224, 224})), Error);
}

}  // namespace
}  // namespace atelier::engine
