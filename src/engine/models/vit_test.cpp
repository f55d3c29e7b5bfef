#include "engine/models/vit.h"

#include "platform/error.h"
#include "tests/golden/model_golden.h"
#include "tests/golden/named_tensors.h"

namespace atelier::engine {
namespace {

VitConfig config_of(const ModelGolden& golden) {
  VitConfig config = recognise_vit(infos_of(golden.source())).value();
  config.read_json(golden.config());
  return config;
}

Tensor logits(const ModelGolden& golden, const VitConfig& config, at::ScalarType dtype) {
  const SeededSource source = golden.source();
  const Binder binder(source, dtype);
  const Vit network(config, binder);
  binder.check_all_used();
  return network.forward(seeded_input("pictures", {4, 3, 48, 48}));
}

void compare(const std::string& name, at::ScalarType dtype = at::kFloat) {
  SCOPED_TRACE(name);
  const ModelGolden golden(name);
  expect_golden(logits(golden, config_of(golden), dtype), golden.cases()[0].outputs.at("logits"),
                dtype, name);
}

TEST(Vit, GivesTheReferenceNumbersWithAClassToken) { compare("vit_class_token"); }

TEST(Vit, GivesTheReferenceNumbersOfTheMeanOfPatches) { compare("vit_mean"); }

TEST(Vit, GivesTheReferenceNumbersWithTheNormBehindTheMean) { compare("vit_mean_fc_norm"); }

TEST(Vit, StaysNearTheReferenceInBfloat16) { compare("vit_class_token", at::kBFloat16); }

TEST(Vit, ReadsSizesFromTheWeightsAndTheRestFromTheConfiguration) {
  const VitConfig config = config_of(ModelGolden("vit_mean"));
  EXPECT_EQ(config.image_size, 48);
  EXPECT_EQ(config.width, 192);
  EXPECT_EQ(config.heads, 3);
  EXPECT_EQ(config.depth, 2);
  EXPECT_FALSE(config.class_token);
  EXPECT_FALSE(config.pools_class_token);
  EXPECT_TRUE(config.gelu_tanh);
  EXPECT_EQ(config.labels, (std::vector<std::string>{"first", "second", "third"}));
  EXPECT_EQ(config.deviation, (std::array<double, 3>{0.5, 0.25, 0.125}));
}

TEST(Vit, RecognisesOnlyExactlyItsTensors) {
  std::vector<TensorInfo> infos = infos_of(ModelGolden("vit_class_token").source());
  ASSERT_TRUE(recognise_vit(infos).has_value());
  infos.push_back(infos.front());
  infos.back().name = "norm_pre.weight";
  EXPECT_FALSE(recognise_vit(infos));
  infos.pop_back();
  for (TensorInfo& info : infos) {
    if (info.name == "pos_embed") info.shape = {1, 9, 192};  // 8 patches do not form a square
  }
  EXPECT_FALSE(recognise_vit(infos));
  EXPECT_FALSE(recognise_vit({}));
}

TEST(Vit, RefusesConfigurationsThatItDoesNotHave) {
  const VitConfig known = recognise_vit(infos_of(ModelGolden("vit_class_token").source())).value();
  const auto code_of = [&](const boost::json::object& json) {
    VitConfig config = known;
    try {
      config.read_json(json);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  };
  EXPECT_EQ(code_of({{"global_pool", "map"}}), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of({{"model_args", {{"act_layer", "relu"}}}}), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of({{"model_args", {{"qk_norm", true}}}}), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of({{"model_args", {{"num_heads", 5}}}}), ErrorCode::kCorruptData);
  EXPECT_EQ(code_of({{"pretrained_cfg", {{"crop_mode", "squash"}}}}), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of({{"pretrained_cfg", {{"mean", {0.5, 0.5}}}}}), ErrorCode::kCorruptData);
  EXPECT_EQ(code_of({{"num_classes", 2}}), ErrorCode::kCorruptData);
  EXPECT_EQ(code_of({{"label_names", {"a", "b"}}}), ErrorCode::kCorruptData);
  EXPECT_EQ(code_of({{"model_args", {{"img_size", 224}}}}), ErrorCode::kCorruptData);
}

TEST(Vit, TakesTheNumberOfHeadsFromTheArchitecture) {
  const VitConfig known = recognise_vit(infos_of(ModelGolden("vit_class_token").source())).value();
  const auto heads_with = [&](const boost::json::object& json) {
    VitConfig config = known;
    config.read_json(json);
    return config.heads;
  };
  EXPECT_EQ(heads_with({}), 3);
  EXPECT_EQ(heads_with({{"architecture", "vit_small_patch16_224"}}), 6);
  EXPECT_EQ(heads_with({{"architecture", "vit_base_patch16_gap_224"}}), 16);
  EXPECT_EQ(
      heads_with({{"architecture", "vit_small_patch16_224"}, {"model_args", {{"num_heads", 4}}}}),
      4);
}

TEST(Vit, RefusesPicturesOfAnotherSize) {
  const ModelGolden golden("vit_class_token");
  const SeededSource source = golden.source();
  const Vit network(config_of(golden), Binder(source, at::kFloat));
  EXPECT_THROW(network.forward(at::zeros({1, 3, 48, 64})), Error);
}

}  // namespace
}  // namespace atelier::engine
