#include "engine/models/rrdbnet.h"

#include "platform/error.h"
#include "tests/golden/model_golden.h"
#include "tests/golden/named_tensors.h"

namespace atelier::engine {
namespace {

Tensor picture_of(const GoldenCase& one) {
  const std::vector<std::int64_t> size = golden_integers(one.inputs.at("size"));
  const std::string name = "picture_" + std::to_string(size[0]) + "x" + std::to_string(size[1]);
  return (seeded_input(name, {1, 3, size[0], size[1]}) + 1) / 2;
}

RrdbNetFile file_of(const TensorSource& source) {
  const std::vector<TensorInfo> infos = infos_of(source);
  return recognise_rrdbnet(infos).value();
}

void compare(const std::string& name, std::int64_t scale, at::ScalarType dtype = at::kFloat) {
  SCOPED_TRACE(name);
  const ModelGolden golden(name);
  const SeededSource source = golden.source();
  const RrdbNetFile file = file_of(source);
  EXPECT_EQ(file.config.scale(), scale);
  EXPECT_EQ(file.names.size(), source.names().size());
  const MemorySource tensors = renamed(source, file.names);
  const Binder binder(tensors, dtype);
  const RrdbNet network(file.config, binder);
  binder.check_all_used();
  for (const GoldenCase& one : golden.cases()) {
    expect_golden(network.forward(picture_of(one)), one.outputs.at("picture"), dtype, name);
  }
}

TEST(RrdbNet, GivesTheReferenceNumbersOfRealEsrgan) { compare("rrdbnet_x4", 4); }

TEST(RrdbNet, GivesTheReferenceNumbersWithUnshuffledPixels) { compare("rrdbnet_x2_unshuffled", 2); }

TEST(RrdbNet, GivesTheReferenceNumbersOfTheSecondNaming) { compare("rrdbnet_trunk", 4); }

TEST(RrdbNet, GivesTheReferenceNumbersOfTheOldestNaming) { compare("rrdbnet_model_x2", 2); }

TEST(RrdbNet, StaysNearTheReferenceInBfloat16) { compare("rrdbnet_x4", 4, at::kBFloat16); }

TEST(RrdbNet, GivesTheNumbersOfNcnn) {
  const ModelGolden golden("ncnn_rrdbnet");
  const std::string param = read_golden("ncnn_rrdbnet.param"),
                    bin = read_golden("ncnn_rrdbnet.bin");
  const auto bytes = std::as_bytes(std::span(bin));
  const NcnnModel model = parse_ncnn(param, bytes, "ncnn_rrdbnet");
  const auto file = recognise_rrdbnet(model);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->config.blocks, 1);
  EXPECT_EQ(file->config.growth, 8);
  EXPECT_EQ(file->config.scale(), 4);
  const MemorySource tensors = tensors_in(bytes, model.tensors, file->names);
  const RrdbNet network(file->config, Binder(tensors, at::kFloat));
  const GoldenCase& one = golden.cases()[0];
  expect_golden(network.forward(picture_of(one)), one.outputs.at("picture"), at::kFloat, "ncnn");
}

// One changed word of the text and the layers compute something else.
TEST(RrdbNet, RefusesLayersOfAnotherNetwork) {
  const std::string param = read_golden("ncnn_rrdbnet.param"),
                    bin = read_golden("ncnn_rrdbnet.bin");
  const auto recognised_with = [&](const std::string& from, const std::string& to) {
    std::string changed = param;
    const std::size_t at = changed.rfind(from);
    if (at == std::string::npos) throw std::runtime_error(from);
    changed.replace(at, from.size(), to);
    return recognise_rrdbnet(parse_ncnn(changed, std::as_bytes(std::span(bin)), "changed"));
  };
  EXPECT_TRUE(recognised_with("7767517", "7767517").has_value());
  EXPECT_FALSE(recognised_with("-23310=1,2.000000e-01", "-23310=1,1.000000e-01"));
  EXPECT_FALSE(recognised_with("9=2 -23310=1,2.000000e-01", ""));
  EXPECT_FALSE(recognised_with("-23301=2,2.000000e-01,1.000000e+00", "-23301=2,1.0,1.0"));
  EXPECT_FALSE(recognised_with("Interp", "Pooling"));
  EXPECT_FALSE(recognised_with("0=1 1=2.000000e+00 2=2.000000e+00", "0=2 1=2.0 2=2.0"));
  EXPECT_FALSE(recognised_with("BinaryOp", "Crop"));
  EXPECT_FALSE(recognised_with("4=1 5=1", "4=0 5=1"));
}

TEST(RrdbNet, RecognisesOnlyItsOwnTensors) {
  const ModelGolden golden("rrdbnet_x4");
  std::vector<TensorInfo> infos = infos_of(golden.source());
  EXPECT_TRUE(recognise_rrdbnet(infos).has_value());
  for (TensorInfo& info : infos) {
    if (info.name == "conv_first.weight") info.shape = {32, 27};
  }
  EXPECT_FALSE(recognise_rrdbnet(infos));
  EXPECT_FALSE(recognise_rrdbnet(infos_of(ModelGolden("srvgg_x4").source())));
  EXPECT_FALSE(recognise_rrdbnet(infos_of(ModelGolden("vae").source())));
  std::vector<TensorInfo> plus = infos_of(ModelGolden("rrdbnet_model_x2").source());
  plus.push_back(plus.front());
  plus.back().name = "model.1.sub.0.RDB1.conv1x1.weight";
  EXPECT_FALSE(recognise_rrdbnet(plus));
}

TEST(RrdbNet, NamesWhatIsMissing) {
  const ModelGolden golden("rrdbnet_x4");
  const SeededSource source = golden.source();
  const RrdbNetFile file = file_of(source);
  TensorNames names = file.names;
  names.erase("body.1.rdb2.conv3.weight");
  const MemorySource tensors = renamed(source, names);
  try {
    const RrdbNet network(file.config, Binder(tensors, at::kFloat));
    FAIL() << "a network without all its weights";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
    EXPECT_NE(std::string(error.what()).find("body.1.rdb2.conv3.weight"), std::string::npos);
  }
}

// Wide enough for two strips; the left part alone is one.
TEST(RrdbNet, GivesTheSameNumbersInOneStripAndInTwo) {
  const ModelGolden golden("rrdbnet_x4");
  const SeededSource source = golden.source();
  const RrdbNet network(file_of(source).config, Binder(source, at::kFloat));
  const Tensor wide = (seeded_input("wide", {1, 3, 24, 1024}) + 1) / 2;
  const Tensor left = network.forward(wide.slice(3, 0, 128));
  const Tensor found = network.forward(wide);
  ASSERT_EQ(found.sizes(), (std::vector<std::int64_t>{1, 3, 96, 4096}));
  // The receptive field of 2 blocks is 34 pixels to each side.
  const std::int64_t same = 4 * (128 - 36);
  EXPECT_LT(golden_difference(found.slice(3, 0, same), left.slice(3, 0, same)), 1e-5);
}

TEST(RrdbNet, StopsBetweenBlocks) {
  const ModelGolden golden("rrdbnet_x4");
  const SeededSource source = golden.source();
  const RrdbNet network(file_of(source).config, Binder(source, at::kFloat));
  int calls = 0;
  const auto check = [&] {
    if (++calls == 3) throw Error(ErrorCode::kCancelled, "stopped");
  };
  EXPECT_THROW(network.forward(picture_of(golden.cases()[0]), check), Error);
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace atelier::engine
