#include "engine/models/clip_text.h"

#include "platform/error.h"
#include "tests/golden/model_golden.h"

namespace atelier::engine {
namespace {

Tensor ids_of(const GoldenCase& one) {
  const boost::json::array& rows = one.inputs.at("ids").as_array();
  std::vector<Tensor> tensors;
  for (const boost::json::value& row : rows) {
    tensors.push_back(at::tensor(golden_integers(row), at::kLong));
  }
  return at::stack(tensors);
}

// The files hold every eighth token.
Tensor cut(const Tensor& states) { return states.slice(1, 0, states.size(1), 8); }

void compare(const std::string& name, at::ScalarType dtype = at::kFloat) {
  SCOPED_TRACE(name);
  const ModelGolden golden(name);
  const SeededSource source = golden.source();
  const Binder binder(source, dtype);
  const ClipText encoder(ClipTextConfig::from_json(golden.config()), binder);
  binder.check_all_used();
  const GoldenCase& one = golden.cases()[0];
  const Tensor ids = ids_of(one);
  const ClipTextOutput last = encoder.forward(ids, {-1, true, true});
  expect_golden(cut(last.states), one.outputs.at("last"), dtype, "last");
  expect_golden(last.pooled, one.outputs.at("pooled"), dtype, "pooled");
  ASSERT_EQ(last.projected.defined(), one.outputs.contains("projected"));
  if (last.projected.defined()) {
    expect_golden(last.projected, one.outputs.at("projected"), dtype, "projected");
  }
  const auto state = [&](std::int64_t index, bool norm) {
    return cut(encoder.forward(ids, {index, norm, false}).states);
  };
  expect_golden(state(-2, false), one.outputs.at("penultimate"), dtype, "penultimate");
  expect_golden(state(-2, true), one.outputs.at("penultimate_normed"), dtype, "normed");
  const std::int64_t first = -1 - encoder.config().num_hidden_layers;
  expect_golden(state(first, false), one.outputs.at("first"), dtype, "first");
}

TEST(ClipText, GivesTheReferenceNumbersWithQuickGelu) { compare("text_quick_gelu"); }

TEST(ClipText, GivesTheReferenceNumbersWithGeluAndProjection) { compare("text_gelu_projection"); }

TEST(ClipText, PoolsAtTheEndOfItsOwnVocabulary) { compare("text_own_vocabulary"); }

TEST(ClipText, GivesTheReferenceNumbersInBfloat16) {
  compare("text_gelu_projection", at::kBFloat16);
}

TEST(ClipText, BindsFilesWithoutTheWrapper) {
  const ModelGolden golden("text_quick_gelu");
  const SeededSource source = golden.source();
  std::map<std::string, Tensor, std::less<>> bare;
  for (const std::string& name : source.names()) {
    bare.emplace(name.substr(std::string("text_model.").size()), source.get(name));
  }
  const MemorySource memory(std::move(bare));
  const ClipText encoder(ClipTextConfig::from_json(golden.config()), Binder(memory, at::kFloat));
  const GoldenCase& one = golden.cases()[0];
  expect_golden(cut(encoder.forward(ids_of(one)).states), one.outputs.at("last"), at::kFloat,
                "last");
}

TEST(ClipText, RefusesForeignIdsLongRowsAndAbsentLayers) {
  const ModelGolden golden("text_own_vocabulary");
  const SeededSource source = golden.source();
  const ClipText encoder(ClipTextConfig::from_json(golden.config()), Binder(source, at::kFloat));
  EXPECT_THROW(encoder.forward(at::full({1, 4}, 100, at::kLong)), Error);
  EXPECT_THROW(encoder.forward(at::zeros({1, 78}, at::kLong)), Error);
  EXPECT_THROW(encoder.forward(at::zeros({1, 4}, at::kLong), {-4, true, false}), Error);
}

TEST(ClipText, BindsEmbeddingsAndLayersAgain) {
  const ModelGolden golden("text_gelu_projection");
  const SeededSource source = golden.source();
  const ClipTextConfig config = ClipTextConfig::from_json(golden.config());
  ClipText encoder(config, Binder(source, at::kFloat));
  const Tensor ids = ids_of(golden.cases()[0]);
  const auto projected = [&](const ClipText& network) {
    return network.forward(ids, {-1, true, true}).projected;
  };
  const Tensor original = projected(encoder);
  for (const std::string name :
       {"text_model.embeddings.token_embedding.weight",
        "text_model.encoder.layers.1.self_attn.v_proj.bias", "text_projection.weight"}) {
    SCOPED_TRACE(name);
    const AddedSource patched(
        source, {{name, [&] { return seeded_input("delta", source.shape(name).value()); }}});
    encoder.rebind(patched, patched.changed());
    EXPECT_FALSE(at::equal(projected(encoder), original));
    EXPECT_TRUE(
        at::equal(projected(encoder), projected(ClipText(config, Binder(patched, at::kFloat)))));
    encoder.rebind(source, patched.changed());
    EXPECT_TRUE(at::equal(projected(encoder), original));
  }
}

}  // namespace
}  // namespace atelier::engine
