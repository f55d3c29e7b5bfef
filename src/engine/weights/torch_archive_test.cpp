#include "engine/weights/torch_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "engine/weights/pickle_reader.h"
#include "engine/weights/weights_file.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

using testing::HasSubstr;

const std::filesystem::path kPickles = ATELIER_SOURCE_DIR "/tests/data/pickles";

std::string read(const char* name) {
  std::ifstream stream(kPickles / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<TensorInfo> parse(const std::string& file) {
  return parse_torch_archive(std::as_bytes(std::span(file)), "model.ckpt");
}

struct Failure {
  ErrorCode code = ErrorCode::kInternal;
  std::string sentence;
};

Failure failure_of(const std::string& file) {
  try {
    parse(file);
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {};
}

Failure pickle_failure(std::string_view pickle) {
  try {
    read_pickled_tensors(std::as_bytes(std::span(pickle)), "model.ckpt");
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {};
}

void expect_the_state_dict(const char* name) {
  const auto file = WeightsFile::open(kPickles / name);
  EXPECT_EQ(file->format(), "pickle");
  EXPECT_EQ(file->tensors().size(), 9u);
  const auto floats = [&](const char* tensor) {
    const auto bytes = file->bytes(*file->find(tensor));
    std::vector<float> values(bytes.size() / 4);
    std::memcpy(values.data(), bytes.data(), values.size() * 4);
    return values;
  };
  using Shape = std::vector<std::int64_t>;
  EXPECT_EQ(file->find("plain")->shape, (Shape{4, 6}));
  EXPECT_EQ(floats("plain")[23], 23.0f);
  EXPECT_THAT(floats("tail"), testing::ElementsAre(20, 21, 22, 23));
  EXPECT_EQ(file->find("turned")->shape, (Shape{6, 4}));
  EXPECT_EQ(file->find("turned")->strides, (Shape{1, 6}));
  EXPECT_EQ(file->find("turned")->bytes, 96u);
  EXPECT_EQ(file->find("half")->dtype, WeightDtype::kF16);
  EXPECT_EQ(file->find("brain")->dtype, WeightDtype::kBF16);
  EXPECT_EQ(file->find("scalar")->dtype, WeightDtype::kI64);
  EXPECT_TRUE(file->find("scalar")->shape.empty());
  EXPECT_EQ(file->bytes(*file->find("empty")).size(), 0u);
  EXPECT_THAT(floats("parameter"), testing::ElementsAre(0.25f, 0.25f));
  EXPECT_EQ(file->find("repeated")->strides, (Shape{0}));
  EXPECT_EQ(file->find("repeated")->bytes, 4u);
}

TEST(TorchArchive, ReadsAStateDictAsTorchSavesIt) { expect_the_state_dict("state_dict.pth"); }

TEST(TorchArchive, ReadsTheStateDictOfATrainingFramework) {
  expect_the_state_dict("lightning.ckpt");
}

TEST(TorchArchive, FindsTheTensorsBelowTheirWrappers) {
  EXPECT_EQ(parse(read("averaged.pth")).at(0).shape, std::vector<std::int64_t>{2});
  const auto tensors = parse(read("two_levels.bin"));
  ASSERT_EQ(tensors.size(), 2u);
  EXPECT_EQ(tensors[0].name, "image_proj.proj.weight");
  EXPECT_EQ(tensors[1].name, "ip_adapter.1.to_k_ip.weight");
  EXPECT_EQ(parse(read("protocol4.pth")).at(0).name, "w");
}

TEST(TorchArchive, NeverRunsCodeOfTheFile) {
  testing::internal::CaptureStdout();
  const auto tensors = parse(read("hostile.pth"));
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  ASSERT_EQ(tensors.size(), 1u);
  EXPECT_EQ(tensors[0].name, "weight");
}

TEST(TorchArchive, RefusesWhatOnlyCodeCouldRebuild) {
  const Failure quantized = failure_of(read("quantized.pth"));
  EXPECT_EQ(quantized.code, ErrorCode::kUnsupported);
  EXPECT_THAT(quantized.sentence, HasSubstr("'weight'"));
  EXPECT_EQ(failure_of(read("bare_tensor.pth")).code, ErrorCode::kUnsupported);
  EXPECT_EQ(failure_of(read("compressed.pth")).code, ErrorCode::kUnsupported);
  EXPECT_EQ(failure_of(read("no_pickle.zip")).code, ErrorCode::kUnsupported);
  EXPECT_THROW(WeightsFile::open(kPickles / "before_1_6.pth"), Error);
}

TEST(TorchArchive, OtherFilesAreRefusedByTheFormatOfTheirExtension) {
  for (const std::string name : {"rubbish.ckpt", "rubbish.safetensors"}) {
    const auto path = std::filesystem::path(testing::TempDir()) / name;
    std::ofstream(path) << "this is not a model but a page of text";
    try {
      WeightsFile::open(path);
      FAIL() << "it was opened";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
      EXPECT_THAT(error.what(), HasSubstr(name.ends_with(".ckpt") ? "broken torch archive"
                                                                  : "broken safetensors file"));
    }
  }
}

TEST(TorchArchive, RefusesEveryTruncation) {
  const std::string whole = read("state_dict.pth");
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    EXPECT_EQ(failure_of(whole.substr(0, length)).code, ErrorCode::kCorruptData) << length;
  }
}

// Every tensor that is read from a damaged file lies inside of it.
TEST(TorchArchive, SurvivesDamage) {
  const std::string whole = read("lightning.ckpt");
  std::mt19937 random(5);
  int refused = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string damaged = whole;
    for (int i = 0; i < 3; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    std::vector<TensorInfo> tensors;
    try {
      tensors = parse(damaged);
    } catch (const Error&) {
      ++refused;
    }
    for (const TensorInfo& tensor : tensors) {
      ASSERT_LE(tensor.offset, damaged.size());
      ASSERT_LE(tensor.bytes, damaged.size() - tensor.offset);
    }
  }
  EXPECT_GT(refused, 100);
}

TEST(TorchArchive, ChecksStoragesAgainstTheirMembers) {
  // The number of elements of `plain`, 24, as the pickle writes it behind the location "cpu".
  std::string file = read("state_dict.pth");
  const std::size_t count = file.find("K\x18");
  ASSERT_NE(count, std::string::npos);
  file[count + 1] = '\x19';
  const Failure failure = failure_of(file);
  EXPECT_EQ(failure.code, ErrorCode::kCorruptData);
  EXPECT_THAT(failure.sentence, HasSubstr("claims a storage of 25 elements"));
}

TEST(PickleReader, RefusesBrokenPickles) {
  using namespace std::string_view_literals;
  const struct {
    std::string_view pickle, sentence;
  } cases[] = {
      {""sv, "ends in the middle"},
      {"."sv, "too few values"},
      {"\x80\x09."sv, "protocol"},
      {"\x80\x02}"sv, "ends in the middle"},
      {"X\xff\xff\xff\xff"sv, "ends in the middle"},
      {"h\x05."sv, "never stored"},
      {"u."sv, "no beginning"},
      {"(Nu."sv, "without a value"},
      {"}(Nu."sv, "without a value"},
      {"cos\nsystem"sv, "has no end"},
      {"S'x'\n."sv, "none that torch writes"},
      {"(N0a"sv, "too few values"},
      {"\x8a\xffz"sv, "ends in the middle"},
  };
  for (const auto& entry : cases) {
    const Failure failure = pickle_failure(entry.pickle);
    EXPECT_EQ(failure.code, ErrorCode::kCorruptData) << entry.pickle;
    EXPECT_THAT(failure.sentence, HasSubstr(std::string(entry.sentence))) << entry.pickle;
  }
}

TEST(PickleReader, SurvivesDictionariesThatHoldThemselves) {
  using namespace std::string_view_literals;
  // d = {}; d["a"] = d; d["b"] = d
  EXPECT_EQ(pickle_failure("}q\0(X\1\0\0\0ah\0X\1\0\0\0bh\0u."sv).code, ErrorCode::kInternal);
}

// A value that is stored once and copied by each of many short calls would take the square of the
// pickle's length.
TEST(PickleReader, RefusesPicklesThatRepeatTheirValuesWithoutEnd) {
  using namespace std::string_literals;
  const auto repeated = [](const std::string& start, const std::string& step) {
    std::string pickle = start;
    for (int i = 0; i < 100'000; ++i) pickle += step;
    return pickle_failure(pickle + ".");
  };
  const std::string text = "X\xa0\x86\x01\0"s + std::string(100'000, 'm');
  const std::string list = "](" + std::string(100'000, 'N') + "e";
  for (const Failure& failure :
       {repeated(text + "q\0"s, "h\0h\0\x93"s),  // a global with a long name
        repeated("ctorch\nSize\nq\0"s + list + "\x85q\1"s, "h\0h\1R"s),
        repeated("ctorch._utils\n_rebuild_parameter\nq\0"s + list + "\x85q\1"s, "h\0h\1R"s),
        repeated("cos\n"s + std::string(100'000, 's') + "\nq\0)q\1"s, "h\0h\1R"s)}) {
    EXPECT_EQ(failure.code, ErrorCode::kCorruptData);
    EXPECT_THAT(failure.sentence, HasSubstr("repeats its values"));
  }
}

TEST(PickleReader, ExecutesNoGlobal) {
  using namespace std::string_view_literals;
  const Failure failure = pickle_failure("cos\nsystem\n(X\4\0\0\0truetR."sv);
  EXPECT_EQ(failure.code, ErrorCode::kUnsupported);
  EXPECT_THAT(failure.sentence, HasSubstr("os system"));
}

}  // namespace
}  // namespace atelier::engine
