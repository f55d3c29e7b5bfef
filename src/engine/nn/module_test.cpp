#include "engine/nn/module.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "platform/error.h"

namespace atelier::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Records the addresses whose pages were given back.
class WatchedSource final : public TensorSource {
 public:
  explicit WatchedSource(std::map<std::string, Tensor, std::less<>> tensors)
      : tensors_(std::move(tensors), "model.safetensors") {}

  std::optional<std::vector<std::int64_t>> shape(std::string_view name) const override {
    return tensors_.shape(name);
  }
  Tensor get(std::string_view name) const override { return tensors_.get(name); }
  void release(std::string_view name) const override { released_.emplace(name); }
  std::vector<std::string> names() const override { return tensors_.names(); }
  std::string where() const override { return tensors_.where(); }

  const std::set<std::string>& released() const { return released_; }

 private:
  MemorySource tensors_;
  mutable std::set<std::string> released_;
};

WatchedSource small_network() {
  return WatchedSource({{"block.0.conv.weight", at::arange(12, at::kFloat).view({4, 3})},
                        {"block.0.conv.bias", at::arange(4, at::kFloat)},
                        {"block.1.norm.weight", at::ones({4}, at::kHalf)},
                        {"position_ids", at::arange(77, at::kLong)}});
}

std::string failure_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
    return error.what();
  }
  return "";
}

TEST(Binder, FindsTensorsUnderTheScopesOfTheCheckpoint) {
  const auto source = small_network();
  const Binder root(source, at::kFloat);
  const Binder conv = root.scope("block").scope(0).scope("conv");
  EXPECT_EQ(conv.prefix(), "block.0.conv.");
  EXPECT_TRUE(conv.has("weight"));
  EXPECT_FALSE(conv.has("gamma"));
  EXPECT_TRUE(root.has_scope("block.1"));
  EXPECT_FALSE(root.has_scope("block.1.nor"));  // a part of a name is not a scope
  EXPECT_FALSE(root.has_scope("block.2"));
  EXPECT_THAT(*conv.shape("weight"), ElementsAre(4, 3));
  EXPECT_FALSE(conv.shape("gamma"));
  EXPECT_TRUE(at::equal(conv.tensor("weight", {4, 3}), at::arange(12, at::kFloat).view({4, 3})));
}

TEST(Binder, AMissingTensorIsNamedWithItsShapeAndItsFile) {
  const auto source = small_network();
  const Binder block = Binder(source, at::kFloat).scope("block.1.norm");
  const auto sentence = failure_of([&] { block.tensor("bias", {4}); });
  EXPECT_THAT(sentence, HasSubstr("model.safetensors"));
  EXPECT_THAT(sentence, HasSubstr("'block.1.norm.bias' of shape [4] is missing"));
  EXPECT_FALSE(block.tensor_if_present("bias", {4}).defined());
}

TEST(Binder, AWrongShapeSaysWhatWasFoundAndWhatWasExpected) {
  const auto source = small_network();
  const Binder conv = Binder(source, at::kFloat).scope("block.0.conv");
  const auto sentence = failure_of([&] { conv.tensor("weight", {3, 4}); });
  EXPECT_THAT(sentence, HasSubstr("'block.0.conv.weight' has shape [4, 3], expected [3, 4]"));
  EXPECT_NE(failure_of([&] { conv.tensor_if_present("bias", {5}); }), "");
  EXPECT_THAT(conv.unused(), testing::Contains("block.0.conv.weight"));  // refused is not used
}

TEST(Binder, ConvertsToTheComputeDtypeAndGivesThePagesBack) {
  const auto source = small_network();
  const Binder root(source, at::kBFloat16);
  const Tensor weight = root.tensor("block.0.conv.weight", {4, 3});
  EXPECT_EQ(weight.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(at::equal(weight.to(at::kFloat), at::arange(12, at::kFloat).view({4, 3})));
  EXPECT_EQ(root.tensor("block.0.conv.bias", {4}, at::kFloat).scalar_type(), at::kFloat);
  EXPECT_THAT(source.released(), ElementsAre("block.0.conv.bias", "block.0.conv.weight"));
}

TEST(Binder, AParameterIsNeverAViewOnItsFile) {
  const auto source = small_network();
  const Binder root(source, at::kHalf);
  const Tensor stored = source.get("block.1.norm.weight");
  const Tensor weight = root.tensor("block.1.norm.weight", {4});
  EXPECT_NE(weight.data_ptr(), stored.data_ptr());
  EXPECT_TRUE(at::equal(weight, stored));
  EXPECT_THAT(source.released(), ElementsAre("block.1.norm.weight"));
  EXPECT_EQ(root.borrowed("block.1.norm.weight", {4}).data_ptr(), stored.data_ptr());
}

TEST(Binder, BindsShapesAloneOnTheDeviceMeta) {
  const MemorySource source({{"weight", at::empty({4, 3}, at::device(at::kMeta).dtype(at::kHalf))}},
                            "model.safetensors");
  const Binder root(source, at::kFloat, at::kMeta);
  const Tensor weight = root.tensor("weight", {4, 3});
  EXPECT_TRUE(weight.is_meta());
  EXPECT_EQ(weight.scalar_type(), at::kFloat);
  EXPECT_FALSE(root.packs_weights());
}

TEST(Binder, ATransposedTensorBecomesContiguous) {
  const WatchedSource source({{"weight", at::arange(6, at::kFloat).view({2, 3}).t()}});
  const Tensor weight = Binder(source, at::kFloat).tensor("weight", {3, 2});
  EXPECT_TRUE(weight.is_contiguous());
  EXPECT_TRUE(at::equal(weight, at::arange(6, at::kFloat).view({2, 3}).t()));
}

struct Scale {
  Bound<Tensor> weight;
  explicit Scale(const Binder& binder)
      : weight({binder},
               [](const std::vector<Binder>& places) { return places[0].tensor("weight", {2}); }) {}
};

TEST(ModuleTree, BindsTheNamedLayersAgainAndNoOther) {
  const MemorySource source({{"a.weight", at::ones({2})}, {"b.weight", at::ones({2})}}, "model");
  const Binder root(source, at::kBFloat16);
  std::vector<Scale> layers;  // moved while it grows
  layers.emplace_back(root.scope("a"));
  layers.emplace_back(root.scope("b"));
  const auto& modules = root.modules();
  EXPECT_EQ(modules->size(), 2u);
  const AddedSource patched(source, {{"b.weight", [] { return at::full({2}, 2); }}});
  modules->rebind(patched, patched.changed());
  EXPECT_TRUE(at::equal(*layers[0].weight, at::ones({2}, at::kBFloat16)));
  EXPECT_TRUE(at::equal(*layers[1].weight, at::full({2}, 3, at::kBFloat16)));
  // Nothing is bound when one of the names belongs to no layer.
  const std::vector<std::string> names = {"b.weight", "c.weight"};
  try {
    modules->rebind(source, names);
    ADD_FAILURE() << "was bound";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("model: tensor 'c.weight' belongs to no layer"));
  }
  EXPECT_TRUE(at::equal(*layers[1].weight, at::full({2}, 3, at::kBFloat16)));
}

TEST(ModuleTree, ALayerThatBelongsToSeveralKeysIsBoundOnce) {
  const MemorySource source({{"q.weight", at::ones({1})}, {"k.weight", at::ones({1})}});
  const Binder root(source, at::kFloat);
  int bound = 0;
  const Bound<Tensor> both(
      {root.scope("q"), root.scope("k")}, [&bound](const std::vector<Binder>& places) {
        ++bound;
        return at::cat({places[0].tensor("weight", {1}), places[1].tensor("weight", {1})});
      });
  const AddedSource patched(source, {{"k.weight", [] { return at::full({1}, 4); }},
                                     {"q.weight", [] { return at::full({1}, 6); }}});
  root.modules()->rebind(patched, patched.changed());
  EXPECT_EQ(bound, 2);
  EXPECT_TRUE(at::equal(*both, at::tensor({7.0F, 5.0F})));
}

TEST(Binder, TensorsThatNobodyBindsAreNamed) {
  const auto source = small_network();
  const Binder root(source, at::kFloat);
  root.tensor("block.0.conv.weight", {4, 3});
  root.scope("block.0.conv").tensor("bias", {4});  // handles share one record
  EXPECT_THAT(root.unused(), ElementsAre("block.1.norm.weight", "position_ids"));
  const auto sentence = failure_of([&] { root.check_all_used(); });
  EXPECT_THAT(sentence, HasSubstr("2 tensors belong to no part"));
  EXPECT_THAT(sentence, HasSubstr("'block.1.norm.weight', 'position_ids'"));
  root.skip("position_ids");
  root.tensor("block.1.norm.weight", {4});
  EXPECT_EQ(failure_of([&] { root.check_all_used(); }), "");
  EXPECT_TRUE(root.unused().empty());
}

}  // namespace
}  // namespace atelier::engine
