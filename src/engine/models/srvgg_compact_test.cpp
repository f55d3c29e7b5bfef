#include "engine/models/srvgg_compact.h"

#include "tests/golden/model_golden.h"
#include "tests/golden/named_tensors.h"

namespace atelier::engine {
namespace {

Tensor picture_of(const GoldenCase& one) {
  const std::vector<std::int64_t> size = golden_integers(one.inputs.at("size"));
  const std::string name = "picture_" + std::to_string(size[0]) + "x" + std::to_string(size[1]);
  return (seeded_input(name, {1, 3, size[0], size[1]}) + 1) / 2;
}

void compare(const std::string& name, std::int64_t scale, at::ScalarType dtype = at::kFloat) {
  SCOPED_TRACE(name);
  const ModelGolden golden(name);
  const SeededSource source = golden.source();
  const std::vector<TensorInfo> infos = infos_of(source);
  const auto file = recognise_srvgg_compact(infos);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->config.scale(), scale);
  const Binder binder(source, dtype);
  const SrvggCompact network(file->config, binder);
  binder.check_all_used();
  for (const GoldenCase& one : golden.cases()) {
    expect_golden(network.forward(picture_of(one)), one.outputs.at("picture"), dtype, name);
  }
}

void compare_ncnn(const std::string& name, std::int64_t scale) {
  SCOPED_TRACE(name);
  const ModelGolden golden(name);
  const std::string param = read_golden(name + ".param"), bin = read_golden(name + ".bin");
  const auto bytes = std::as_bytes(std::span(bin));
  const NcnnModel model = parse_ncnn(param, bytes, name);
  const auto file = recognise_srvgg_compact(model);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->config.scale(), scale);
  EXPECT_EQ(file->names.size(), model.tensors.size());
  const MemorySource tensors = tensors_in(bytes, model.tensors, file->names);
  const SrvggCompact network(file->config, Binder(tensors, at::kFloat));
  for (const GoldenCase& one : golden.cases()) {
    expect_golden(network.forward(picture_of(one)), one.outputs.at("picture"), at::kFloat, name);
  }
}

TEST(SrvggCompact, GivesTheReferenceNumbers) { compare("srvgg_x4", 4); }

TEST(SrvggCompact, GivesTheReferenceNumbersOfAnotherScaleAndWidth) { compare("srvgg_x2", 2); }

TEST(SrvggCompact, StaysNearTheReferenceInBfloat16) { compare("srvgg_x4", 4, at::kBFloat16); }

TEST(SrvggCompact, GivesTheNumbersOfNcnnInHalfPrecision) { compare_ncnn("ncnn_srvgg_x4", 4); }

TEST(SrvggCompact, GivesTheNumbersOfNcnnWithAReducedOutput) { compare_ncnn("ncnn_srvgg_x3", 3); }

TEST(SrvggCompact, RefusesLayersOfAnotherNetwork) {
  const std::string param = read_golden("ncnn_srvgg_x3.param"),
                    bin = read_golden("ncnn_srvgg_x3.bin");
  const auto recognised_with = [&](const std::string& from, const std::string& to) {
    std::string changed = param;
    const std::size_t at = changed.find(from);
    if (at == std::string::npos) throw std::runtime_error(from);
    changed.replace(at, from.size(), to);
    return recognise_srvgg_compact(parse_ncnn(changed, std::as_bytes(std::span(bin)), "changed"));
  };
  EXPECT_TRUE(recognised_with("7767517", "7767517").has_value());
  EXPECT_FALSE(recognised_with("PixelShuffle", "Reorg"));
  EXPECT_FALSE(recognised_with("0=4\n", "0=2\n"));
  EXPECT_FALSE(recognised_with("0=1 1=4.0", "0=2 1=4.0"));
  EXPECT_FALSE(recognised_with("1=7.500000e-01 2=7.500000e-01", "1=6.600000e-01 2=6.600000e-01"));
  EXPECT_FALSE(recognised_with("4=1 5=1", "4=1 5=1 2=2"));
}

TEST(SrvggCompact, RecognisesOnlyItsOwnTensors) {
  std::vector<TensorInfo> infos = infos_of(ModelGolden("srvgg_x4").source());
  EXPECT_TRUE(recognise_srvgg_compact(infos).has_value());
  for (TensorInfo& info : infos) {
    if (info.name == "body.8.weight") info.shape = {47, 32, 3, 3};
  }
  EXPECT_FALSE(recognise_srvgg_compact(infos));
  EXPECT_FALSE(recognise_srvgg_compact(infos_of(ModelGolden("rrdbnet_x4").source())));
}

}  // namespace
}  // namespace atelier::engine
