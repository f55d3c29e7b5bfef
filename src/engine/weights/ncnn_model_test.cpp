#include "engine/weights/ncnn_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "engine/weights/weights_file.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kParam =
    "7767517\n4 5\n"
    "Input input 0 1 data\n"
    "Convolution first 1 1 data a 0=3 1=1 5=1 6=9 9=2 -23310=1,2.000000e-01\n"
    "PReLU slopes 1 1 a b 0=3\n"
    "InnerProduct last 1 1 b c 0=2 1=1 2=6\n";

std::string tag(std::uint32_t value) {
  std::string bytes(4, '\0');
  std::memcpy(bytes.data(), &value, 4);
  return bytes;
}

// fp16: 9 weights and 2 bytes of padding, 3 biases; 3 slopes; fp32: 6 weights, 2 biases.
const std::string kFp16 = tag(0x01306B47), kFp32 = tag(0);
const std::string kBin =
    kFp16 + std::string(18 + 2 + 12, 'a') + std::string(12, 'b') + kFp32 + std::string(24 + 8, 'c');

NcnnModel parse(const std::string& param, const std::string& bin = kBin) {
  return parse_ncnn(param, std::as_bytes(std::span(bin)), "model");
}

Error failure(const std::string& param, const std::string& bin = kBin) {
  try {
    parse(param, bin);
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::kInternal, "it was read"};
}

void expect_corrupt(const std::string& param, const std::string& bin, const std::string& sentence) {
  const Error error = failure(param, bin);
  EXPECT_EQ(error.code(), ErrorCode::kCorruptData) << error.what();
  EXPECT_THAT(error.what(), HasSubstr("model: broken ncnn "));
  EXPECT_THAT(error.what(), HasSubstr(sentence));
}

std::string changed(const std::string& from, const std::string& to) {
  std::string text = kParam;
  return text.replace(text.find(from), from.size(), to);
}

TEST(NcnnModel, FindsTheWeightsOfEveryLayer) {
  const NcnnModel model = parse(kParam);
  ASSERT_EQ(model.tensors.size(), 5u);
  EXPECT_EQ(model.tensors[0].name, "first.weight");
  EXPECT_EQ(model.tensors[0].dtype, WeightDtype::kF16);
  EXPECT_EQ(model.tensors[0].shape, (std::vector<std::int64_t>{3, 3, 1, 1}));
  EXPECT_EQ(model.tensors[0].offset, 4u);
  EXPECT_EQ(model.tensors[1].name, "first.bias");
  EXPECT_EQ(model.tensors[1].offset, 24u);
  EXPECT_EQ(model.tensors[2].name, "slopes.weight");
  EXPECT_EQ(model.tensors[3].dtype, WeightDtype::kF32);
  EXPECT_EQ(model.tensors[3].shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(model.tensors[4].offset + model.tensors[4].bytes, kBin.size());
}

TEST(NcnnModel, ReadsParametersAndArrays) {
  const NcnnModel model = parse(kParam);
  const NcnnLayer& layer = model.layers[1];
  EXPECT_EQ(layer.type, "Convolution");
  EXPECT_THAT(layer.inputs, ElementsAre("data"));
  EXPECT_EQ(layer.integer(0, -1), 3);
  EXPECT_EQ(layer.integer(11, 7), 7);
  EXPECT_THAT(layer.parameters.at(10), ElementsAre(0.2));
}

TEST(NcnnModel, ReadsThroughSplits) {
  const std::string param =
      "7767517\n4 6\nInput input 0 1 data\nSplit copy 1 2 data left right\n"
      "Split again 1 2 right upper lower\nBinaryOp sum 2 1 left lower out\n";
  const std::vector<NcnnLayer> layers = without_splits(parse(param, "").layers);
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_THAT(layers[1].inputs, ElementsAre("data", "data"));
}

TEST(NcnnModel, RefusesInconsistentText) {
  expect_corrupt("7767518\n1 1\n", "", "line 1: it does not begin with 7767517");
  expect_corrupt("7767517\n", "", "no counts of layers");
  expect_corrupt("7767517\n999999999 1\n", "", "invalid number of layers 999999999");
  expect_corrupt(changed("4 5", "5 5"), kBin, "it has 4 of 5 layers (truncated?)");
  expect_corrupt(changed("4 5", "3 5"), kBin, "more layers than the 3 of its second line");
  expect_corrupt(changed("PReLU slopes 1 1", "PReLU slopes 1 4000"), kBin,
                 "line 5: layer 'slopes' has fewer input and output names");
  expect_corrupt(changed("PReLU slopes 1 1", "PReLU slopes 18446744073709551615 1"), kBin,
                 "fewer input and output names");
  expect_corrupt(changed("slopes", "first"), kBin, "layer 'first' is there twice");
  expect_corrupt(changed("0=3 1=1", "0=3 0=3"), kBin, "there twice");
  expect_corrupt(changed("0=3 1=1", "0=x 1=1"), kBin, "the value 'x' is not a number");
  expect_corrupt(changed("0=3 1=1", "0=inf 1=1"), kBin, "is not a number");
  expect_corrupt(changed("0=3 1=1", "03 1=1"), kBin, "not written as key=value");
  expect_corrupt(changed("-23310=1,", "-23310=2,"), kBin, "has 1 values, which is not the count");
  expect_corrupt(changed("5=1", "5=1,2"), kBin, "several values");
  EXPECT_EQ(failure(std::string((16 << 20) + 1, '7')).code(), ErrorCode::kCorruptData);
}

TEST(NcnnModel, RefusesWeightsThatDoNotFit) {
  expect_corrupt(kParam, kBin + "x", "1 bytes belong to no layer");
  expect_corrupt(kParam, kBin.substr(0, kBin.size() - 1),
                 "tensor 'last.bias' of shape [2] needs 8 bytes of 7");
  expect_corrupt(kParam, kBin.substr(0, 22), "padding after layer 'first' is missing");
  expect_corrupt(kParam, kBin.substr(0, 2), "weights of layer 'first' are missing");
  expect_corrupt(changed("6=9", "6=10"), kBin, "has 10 weights for kernels of 3");
  expect_corrupt(changed("6=9", "6=9007199254740990"), kBin, "needs");
  expect_corrupt(changed("0=3 1=1", "0=0 1=1"), kBin, "impossible size 0");
  expect_corrupt(changed("0=3 1=1", "0=-3 1=1"), kBin, "impossible size -3");
  expect_corrupt(changed("0=3 1=1", "0=1e300 1=1"), kBin, "impossible size");
  expect_corrupt(changed("5=1", "5=2"), kBin, "invalid bias term 2");
  expect_corrupt(changed("InnerProduct", "Deconvolution"), kBin, "36 bytes belong to no layer");
}

TEST(NcnnModel, RefusesQuantisedWeights) {
  for (const std::string& first : {tag(0x000D4B38), tag(0x01010101)}) {
    const Error error = failure(kParam, first + kBin.substr(4));
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("layer 'first' are quantised to 8 bits"));
  }
  EXPECT_EQ(failure(changed("5=1", "5=1 8=2")).code(), ErrorCode::kUnsupported);
}

TEST(NcnnModel, SurvivesEveryTruncationAndRandomDamage) {
  const auto read = [](const char* name) {
    std::ifstream stream(std::string(ATELIER_SOURCE_DIR "/tests/golden/data/models/") + name,
                         std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(stream), {}};
  };
  const std::string param = read("ncnn_rrdbnet.param"), bin = read("ncnn_rrdbnet.bin");
  EXPECT_EQ(parse(param, bin).tensors.size(), 42u);
  for (std::size_t length = 0; length + 1 < param.size(); length += 7) {
    EXPECT_EQ(failure(param.substr(0, length), bin).code(), ErrorCode::kCorruptData) << length;
  }
  for (std::size_t length = 0; length < bin.size(); length += 97) {
    EXPECT_EQ(failure(param, bin.substr(0, length)).code(), ErrorCode::kCorruptData) << length;
  }
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string text = param;
    for (int k = 0; k < 3; ++k) text[random() % text.size()] = static_cast<char>(random() % 128);
    try {
      for (const TensorInfo& info : parse(text, bin).tensors) {
        ASSERT_LE(info.offset, bin.size());
        ASSERT_LE(info.bytes, bin.size() - info.offset);
      }
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == ErrorCode::kCorruptData ||
                  error.code() == ErrorCode::kUnsupported);
    }
  }
}

TEST(NcnnModel, IsOpenedByItsText) {
  namespace fs = std::filesystem;
  const fs::path golden = ATELIER_SOURCE_DIR "/tests/golden/data/models/ncnn_rrdbnet.param";
  const auto file = WeightsFile::open(golden);
  EXPECT_EQ(file->format(), "ncnn");
  const TensorInfo* const bias = file->find("convolution_1.bias");
  ASSERT_NE(bias, nullptr);
  EXPECT_EQ(file->bytes(*bias).size(), 32u);
  const fs::path alone =
      fs::temp_directory_path() / ("alone" + std::to_string(::getpid()) + ".param");
  fs::copy_file(golden, alone);
  try {
    WeightsFile::open(alone);
    ADD_FAILURE() << "opened without weights";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
    EXPECT_THAT(error.what(), HasSubstr(".bin: the weights of this ncnn model are missing"));
  }
  fs::remove(alone);
}

TEST(NcnnModel, KnowsItsTextByItsFirstLine) {
  EXPECT_TRUE(looks_like_ncnn_param(kParam));
  EXPECT_TRUE(looks_like_ncnn_param("7767517\r\n1 1\r\n"));
  EXPECT_FALSE(looks_like_ncnn_param("77675170\n"));
  EXPECT_FALSE(looks_like_ncnn_param(""));
}

}  // namespace
}  // namespace atelier::engine
