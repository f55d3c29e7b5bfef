#include "engine/weights/safetensors_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/weights/sparse_checkpoint.h"
#include "engine/weights/weights_file.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

using testing::HasSubstr;

std::string file_of(const std::string& header, std::size_t data_bytes) {
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(header.size() >> (8 * i));
  return file + header + std::string(data_bytes, '\1');
}

SafetensorsHeader parse(const std::string& file) {
  return parse_safetensors(std::as_bytes(std::span(file)), "model.safetensors");
}

std::string error_of(const std::string& file) {
  try {
    parse(file);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
    EXPECT_THAT(error.what(), HasSubstr("model.safetensors"));
    return error.what();
  }
  return "no error";
}

TEST(SafetensorsHeader, ReadsTensorsAndMetadata) {
  const std::string header =
      R"({"b":{"dtype":"F16","shape":[2,3],"data_offsets":[4,16]},"__metadata__":{"format":"pt"},)"
      R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
      R"("none":{"dtype":"BF16","shape":[0,7],"data_offsets":[4,4]}}  )";
  const SafetensorsHeader parsed = parse(file_of(header, 16));
  ASSERT_EQ(parsed.tensors.size(), 3u);
  EXPECT_EQ(parsed.tensors[0].name, "a");
  EXPECT_EQ(parsed.tensors[0].offset, parsed.data_begin);
  EXPECT_EQ(parsed.tensors[0].elements(), 1u);
  EXPECT_EQ(parsed.tensors[1].name, "none");
  EXPECT_EQ(parsed.tensors[2].dtype, WeightDtype::kF16);
  EXPECT_EQ(parsed.tensors[2].shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(parsed.metadata.at("format"), "pt");
  EXPECT_TRUE(parse(file_of("{}", 0)).tensors.empty());
}

TEST(SafetensorsHeader, RefusesInconsistentHeaders) {
  const struct {
    const char *header, *sentence;
    std::size_t data_bytes;
  } cases[] = {
      {"[]", "does not begin with '{'", 0},
      {"", "does not begin with '{'", 0},
      {"{", "not valid JSON", 0},
      {R"({"a":1})", "not an object", 0},
      {R"({"a":{"shape":[1],"data_offsets":[0,4]}})", "no dtype", 4},
      {R"({"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}})", "unknown dtype 'F99'", 4},
      {R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", "no shape", 4},
      {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", "not a whole number", 4},
      {R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", "not a whole number", 4},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", "data_offsets", 4},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", "claims the bytes", 4},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "truncated file?", 3},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", "claims 4 bytes", 4},
      {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})",
       "larger than any memory", 0},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}})",
       "larger than any memory", 0},
      {R"({"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,0]}})",
       "larger than any memory", 0},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
       R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
       "overlaps", 3},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", "hole", 2},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "belong to no tensor", 2},
      {R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
       R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
       "twice", 0},
      {R"({"__metadata__":{"a":1}})", "not a string", 0},
      {R"({"a":[[[[[[[[[[[[]]]]]]]]]]]]})", "not valid JSON", 0},
  };
  for (const auto& entry : cases) {
    EXPECT_THAT(error_of(file_of(entry.header, entry.data_bytes)), HasSubstr(entry.sentence))
        << entry.header;
  }
}

TEST(SafetensorsHeader, RefusesWrongLengths) {
  EXPECT_THAT(error_of(""), HasSubstr("too few"));
  EXPECT_THAT(error_of("1234567"), HasSubstr("too few"));
  EXPECT_THAT(error_of(std::string("\x10\0\0\0\0\0\0\0{}", 10)), HasSubstr("claims 16 bytes"));
  EXPECT_THAT(error_of(std::string(8, '\xff')), HasSubstr("more than the format allows"));
}

TEST(SafetensorsHeader, RefusesEveryTruncation) {
  const std::string whole =
      file_of(R"({"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}})", 16);
  ASSERT_EQ(parse(whole).tensors.size(), 1u);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_NE(error_of(whole.substr(0, length)), "no error") << length;
  }
}

TEST(WeightsFile, OpensShardsAndRefusesBrokenIndexes) {
  const TemporaryFolder folder;
  const std::string tensor = R"({"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})";
  folder.write("part.safetensors", file_of(tensor, 2));
  const auto index = [&](const std::string& text) {
    return folder.write("model.safetensors.index.json", text);
  };
  const auto file = WeightsFile::open(index(R"({"weight_map":{"w":"part.safetensors"}})"));
  ASSERT_EQ(file->tensors().size(), 1u);
  EXPECT_EQ(file->bytes(*file->find("w")).size(), 2u);
  EXPECT_EQ(file->find("x"), nullptr);
  for (const char* const broken :
       {"{", "[]", "{}", R"({"weight_map":{"w":"../part.safetensors"}})",
        R"({"weight_map":{"w":3}})", R"({"weight_map":{"w":".."}})",
        R"({"weight_map":{"w":"other.safetensors"}})",
        R"({"weight_map":{"w":"part.safetensors","v":"part.safetensors"}})"}) {
    EXPECT_THROW(WeightsFile::open(index(broken)), Error) << broken;
  }
}

TEST(WeightsFile, NamesTheFormatOfOtherFiles) {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& bytes) {
    try {
      WeightsFile::open(folder.write("file", bytes));
    } catch (const Error& failure) {
      return failure.code();
    }
    return ErrorCode::kInternal;
  };
  EXPECT_EQ(error(""), ErrorCode::kCorruptData);
  EXPECT_EQ(error("<html>Not found</html>"), ErrorCode::kCorruptData);
  EXPECT_EQ(error("GGUF...."), ErrorCode::kUnsupported);
  EXPECT_THROW(WeightsFile::open(folder.path()), Error);
  EXPECT_THROW(WeightsFile::open(folder.path() / "nothing"), Error);
}

}  // namespace
}  // namespace atelier::engine
