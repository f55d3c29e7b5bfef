#include "engine/weights/onnx_initialisers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "engine/weights/weights_file.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(0x80 | (value & 0x7f));
  return bytes + static_cast<char>(value);
}

std::string number(unsigned field, std::uint64_t value) {
  return varint(field << 3) + varint(value);
}

std::string bytes(unsigned field, const std::string& data) {
  return varint(field << 3 | 2) + varint(data.size()) + data;
}

std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

std::string dims(const std::vector<std::uint64_t>& shape) {
  std::string text;
  for (const std::uint64_t extent : shape) text += number(1, extent);
  return text;
}

std::string tensor(const std::string& name, const std::string& data) {
  return dims({2, 3}) + number(2, 1) + bytes(8, name) + data;
}

const std::string kRaw = bytes(9, floats({1, 2, 3, 4, 5, 6}));

std::string file(const std::string& graph) { return number(1, 4) + bytes(7, graph); }
std::string file_with(const std::string& one_tensor) { return file(bytes(5, one_tensor)); }

OnnxModel parse(const std::string& text) {
  return parse_onnx(std::as_bytes(std::span(text)), "model.onnx");
}

Error failure(const std::string& text) {
  try {
    parse(text);
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::kInternal, "it was read"};
}

void expect_corrupt(const std::string& text, const std::string& sentence) {
  const Error error = failure(text);
  EXPECT_EQ(error.code(), ErrorCode::kCorruptData) << error.what();
  EXPECT_THAT(error.what(), HasSubstr("model.onnx: broken ONNX file: at byte "));
  EXPECT_THAT(error.what(), HasSubstr(sentence));
}

void expect_unsupported(const std::string& text, const std::string& sentence) {
  const Error error = failure(text);
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << error.what();
  EXPECT_THAT(error.what(), HasSubstr(sentence));
}

std::vector<float> values_of(const std::string& text, const TensorInfo& info) {
  std::vector<float> values(info.bytes / sizeof(float));
  std::memcpy(values.data(), text.data() + info.offset, info.bytes);
  return values;
}

TEST(OnnxInitialisers, FindsRawAndPackedNumbers) {
  const std::string text =
      file(bytes(5, tensor("raw", kRaw)) +
           bytes(5, bytes(1, varint(2) + varint(3)) + number(2, 1) + bytes(8, "packed") +
                        bytes(4, floats({6, 5, 4, 3, 2, 1}))) +
           bytes(5, dims({2}) + number(2, 10) + bytes(8, "half") + bytes(9, "abcd")));
  const OnnxModel model = parse(text);
  ASSERT_EQ(model.tensors.size(), 3u);
  EXPECT_THAT(values_of(text, *model.tensor("raw")), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(values_of(text, *model.tensor("packed")), ElementsAre(6, 5, 4, 3, 2, 1));
  EXPECT_EQ(model.tensor("packed")->shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(model.tensor("half")->dtype, WeightDtype::kF16);
  EXPECT_EQ(model.tensor("other"), nullptr);
}

TEST(OnnxInitialisers, ReadsNodesAndValues) {
  const std::string attribute = bytes(5, bytes(1, "strides") + bytes(8, varint(2) + varint(1)));
  const std::string pads = bytes(5, bytes(1, "auto_pad") + bytes(4, "NOTSET"));
  const std::string constant = bytes(2, "value") + bytes(4, "Constant") +
                               bytes(5, bytes(1, "value") + bytes(5, tensor("", kRaw)));
  const std::string picture = bytes(1, "picture");
  const std::string shape =
      bytes(2, bytes(1, bytes(2, bytes(1, bytes(2, "n")) + bytes(1, number(1, 224)))));
  const OnnxModel model =
      parse(file(bytes(1, bytes(1, "x") + bytes(1, "w") + bytes(2, "y") + bytes(3, "first") +
                              bytes(4, "Conv") + attribute + pads) +
                 bytes(1, constant) + bytes(5, tensor("w", kRaw)) + bytes(11, picture + shape) +
                 bytes(11, bytes(1, "w")) + bytes(12, bytes(1, "y"))));
  ASSERT_EQ(model.nodes.size(), 2u);
  EXPECT_THAT(model.nodes[0].inputs, ElementsAre("x", "w"));
  EXPECT_THAT(model.nodes[0].integers("strides", {}), ElementsAre(2, 1));
  EXPECT_THAT(model.nodes[0].integers("pads", {7}), ElementsAre(7));
  EXPECT_EQ(model.nodes[0].text("auto_pad", ""), "NOTSET");
  EXPECT_NE(model.tensor("value"), nullptr);
  ASSERT_EQ(model.inputs.size(), 1u);  // `w` is an initialiser
  EXPECT_THAT(model.inputs[0].shape, ElementsAre(-1, 224));
  EXPECT_THAT(model.outputs, ElementsAre("y"));
}

TEST(OnnxInitialisers, LeavesOutIntegersThatAreVarints) {
  const std::string shape = dims({2}) + number(2, 7) + bytes(8, "shape") + bytes(7, "\x01\x02");
  EXPECT_TRUE(parse(file_with(shape)).tensors.empty());
}

TEST(OnnxInitialisers, RefusesInconsistentTensors) {
  expect_corrupt(file_with(tensor("w", bytes(9, "short"))),
                 "tensor 'w' of shape [2, 3] and type F32 has 5 bytes");
  expect_corrupt(file_with(tensor("w", "")), "has 0 bytes");
  expect_corrupt(file_with(tensor("w", kRaw + bytes(4, floats({1})))), "has its data twice");
  expect_corrupt(file_with(tensor("w", kRaw + bytes(7, "\x01"))), "has its data twice");
  expect_corrupt(file_with(tensor("", kRaw)), "a tensor has no name");
  expect_corrupt(file(bytes(5, tensor("w", kRaw)) + bytes(5, tensor("w", kRaw))), "is there twice");
  expect_corrupt(file_with(dims({~std::uint64_t{0}}) + bytes(8, "w") + number(2, 1) + kRaw),
                 "impossible shape");
  const std::uint64_t huge = std::uint64_t{1} << 62;
  expect_corrupt(file_with(dims({huge, 8}) + bytes(8, "w") + number(2, 1) + kRaw),
                 "impossible shape");
  expect_corrupt(file_with(dims({huge}) + bytes(8, "w") + number(2, 1)), "has 0 bytes");
  expect_corrupt(file_with(dims(std::vector<std::uint64_t>(9, 1)) + bytes(8, "w")),
                 "too many dims");
  expect_corrupt(file_with(dims({1}) + bytes(8, "w") + number(2, 7) + bytes(4, floats({1}))),
                 "of another type");
}

TEST(OnnxInitialisers, RefusesFormsThatItDoesNotRead) {
  expect_unsupported(file_with(tensor("w", number(14, 1))), "external data");
  expect_unsupported(file_with(tensor("w", bytes(13, ""))), "external data");
  expect_unsupported(file_with(tensor("w", bytes(3, ""))), "segments");
  expect_unsupported(file_with(bytes(8, "w") + number(2, 8)), "data type 8");
  expect_unsupported(file_with(tensor("w", bytes(4, floats({1})) + bytes(4, floats({2})))),
                     "one by one");
  expect_unsupported(file(bytes(15, "")), "sparse");
  expect_unsupported(file(bytes(1, bytes(5, bytes(1, "body") + bytes(6, "")))),
                     "a graph of its own");
}

TEST(OnnxInitialisers, RefusesBrokenMessages) {
  expect_corrupt("", "it has no graph");
  expect_corrupt(file("") + bytes(7, ""), "it has a second graph");
  expect_corrupt(number(7, 1), "encoded as another type");
  expect_corrupt(varint(7 << 3 | 2) + varint(std::uint64_t{1} << 63),
                 "claims 9223372036854775808 bytes of 0");
  expect_corrupt(std::string(11, '\xff'), "longer than 64 bits");
  expect_corrupt("\x3b", "unknown encoding 3");
  expect_corrupt(std::string(1, '\0'), "a field has the number 0");
  expect_corrupt(file(bytes(1, bytes(4, std::string(5000, 'x')))), "a name has 5000 bytes");
}

TEST(OnnxInitialisers, BoundsLists) {
  std::string inputs;
  for (int i = 0; i < 5000; ++i) inputs += bytes(1, "");
  expect_corrupt(file(bytes(1, inputs)), "more than 4096 items");
  const std::string many(5000, '\x01');
  expect_corrupt(file(bytes(1, bytes(5, bytes(1, "axes") + bytes(8, many)))),
                 "more than 4096 items");
  std::string nodes;
  for (std::size_t i = 0; i <= OnnxLimits::kNodesMax; ++i) nodes += bytes(1, "");
  expect_corrupt(file(nodes), "too many nodes");
}

TEST(OnnxInitialisers, SurvivesEveryTruncationAndRandomDamage) {
  std::ifstream stream(ATELIER_SOURCE_DIR "/tests/golden/data/models/open_nsfw.onnx",
                       std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(stream), {}};
  ASSERT_FALSE(whole.empty());
  EXPECT_EQ(parse(whole).tensors.size(), 42u);
  int read = 0;
  const auto try_one = [&](const std::string& text) {
    try {
      for (const TensorInfo& info : parse(text).tensors) {
        ASSERT_LE(info.offset, text.size());
        ASSERT_LE(info.bytes, text.size() - info.offset);
      }
      ++read;
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == ErrorCode::kCorruptData ||
                  error.code() == ErrorCode::kUnsupported);
    }
  };
  for (std::size_t length = 0; length < whole.size(); length += 97)
    try_one(whole.substr(0, length));
  EXPECT_EQ(read, 0);
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = whole;
    for (int k = 0; k < 4; ++k) damaged[random() % 20000] = static_cast<char>(random());
    try_one(damaged);
  }
}

TEST(OnnxInitialisers, AreOpenedAsWeights) {
  const auto file =
      WeightsFile::open(ATELIER_SOURCE_DIR "/tests/golden/data/models/open_nsfw.onnx");
  EXPECT_EQ(file->format(), "onnx");
  const TensorInfo* const weight = file->find("fc_nsfw/MatMul/ReadVariableOp:0");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(file->bytes(*weight).size(), 64u * 2 * 4);
}

TEST(OnnxInitialisers, KnowsItsFilesByTheirBeginning) {
  const auto looks = [](const std::string& text) {
    return looks_like_onnx(std::as_bytes(std::span(text)));
  };
  EXPECT_TRUE(looks(file(bytes(5, tensor("w", kRaw)))));
  EXPECT_FALSE(looks("PK\x03\x04"));
  EXPECT_FALSE(looks("\x08"));
  EXPECT_FALSE(looks(""));
}

}  // namespace
}  // namespace atelier::engine
