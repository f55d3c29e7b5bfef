#include "engine/weights/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "engine/weights/dequantised_source.h"
#include "engine/weights/sparse_checkpoint.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

const std::filesystem::path kPickles = ATELIER_SOURCE_DIR "/tests/data/pickles";

// One fp32 tensor "w" of 6 x 2 with the values 0 … 11; `padding` moves the data off its alignment.
std::shared_ptr<const WeightsFile> six_by_two(const TemporaryFolder& folder, int padding = 0) {
  std::string header = R"({"w":{"dtype":"F32","shape":[6,2],"data_offsets":[0,48]}})";
  header.append((8 - header.size() % 8) % 8 + static_cast<std::size_t>(padding), ' ');
  std::string file(8, '\0');
  file[0] = static_cast<char>(header.size());
  file += header;
  for (int i = 0; i < 12; ++i) {
    const auto value = static_cast<float>(i);
    file.append(reinterpret_cast<const char*>(&value), 4);
  }
  return WeightsFile::open(folder.write("w.safetensors", file));
}

WeightSource source_of(const std::shared_ptr<const WeightsFile>& file, const char* name,
                       WeightTransform transform = WeightTransform::kAsIs) {
  return {.file = file, .info = file->find(name), .transform = transform};
}

TEST(Weights, ViewsTheMappedFileWithoutACopy) {
  const TemporaryFolder folder;
  auto file = six_by_two(folder);
  const void* const mapped = file->bytes(*file->find("w")).data();
  const Tensor tensor = load_tensor(source_of(file, "w"));
  EXPECT_EQ(tensor.data_ptr(), mapped);
  file.reset();  // the tensor keeps the map
  EXPECT_TRUE(at::equal(tensor, at::arange(12, at::kFloat).view({6, 2})));
}

TEST(Weights, CopiesWhatIsNotAligned) {
  const TemporaryFolder folder;
  const auto file = six_by_two(folder, 3);
  EXPECT_TRUE(
      at::equal(load_tensor(source_of(file, "w")), at::arange(12, at::kFloat).view({6, 2})));
}

TEST(Weights, TransposesSplitsAndSqueezes) {
  const TemporaryFolder folder;
  const auto file = six_by_two(folder);
  const Tensor whole = at::arange(12, at::kFloat).view({6, 2});
  EXPECT_TRUE(at::equal(load_tensor(source_of(file, "w", WeightTransform::kTranspose)), whole.t()));
  WeightSource part = source_of(file, "w", WeightTransform::kRows);
  part.part = 2;
  part.parts = 3;
  EXPECT_EQ(part.shape(), (std::vector<std::int64_t>{2, 2}));
  EXPECT_TRUE(at::equal(load_tensor(part), whole.narrow(0, 4, 2)));
  WeightsView view;
  EXPECT_THROW(view.add("x", source_of(file, "w", WeightTransform::kSqueeze1x1)), Error);
  view.add("x", source_of(file, "w"));
  EXPECT_THROW(view.add("x", source_of(file, "w")), Error);
}

TEST(Weights, ReadsStridedSharedAndRepeatedTensorsOfAPickle) {
  const auto file = WeightsFile::open(kPickles / "state_dict.pth");
  const Tensor base = at::arange(24, at::kFloat);
  const Tensor turned = load_tensor(source_of(file, "turned"));
  EXPECT_TRUE(turned.is_contiguous());
  EXPECT_TRUE(at::equal(turned, base.view({4, 6}).t()));
  EXPECT_TRUE(at::equal(load_tensor(source_of(file, "tail")), base.narrow(0, 20, 4)));
  EXPECT_TRUE(at::equal(load_tensor(source_of(file, "repeated")), at::full({5}, 9.0f)));
  EXPECT_EQ(load_tensor(source_of(file, "empty")).sizes(), (at::IntArrayRef{0, 3}));
  EXPECT_EQ(load_tensor(source_of(file, "scalar")).item<std::int64_t>(), 7);
  EXPECT_EQ(load_tensor(source_of(file, "brain")).item<float>(), 3.0f);
  EXPECT_EQ(load_tensor(source_of(file, "half"))[1].item<float>(), -2.0f);
}

TEST(Weights, StaysReadableAfterItsPagesWereGivenBack) {
  const TemporaryFolder folder;
  const auto file = six_by_two(folder);
  WeightsView view;
  view.add("w", source_of(file, "w"));
  const ViewSource source(view);
  const Tensor tensor = source.get("w");
  source.release("w");
  EXPECT_EQ(tensor.sum().item<float>(), 66.0f);
  EXPECT_EQ(source.shape("w"), (std::vector<std::int64_t>{6, 2}));
  EXPECT_FALSE(source.shape("v"));
  EXPECT_THROW(source.get("v"), Error);
}

// One tensor "w" of four elements of one byte each.
std::shared_ptr<const WeightsFile> four_bytes(const TemporaryFolder& folder,
                                              const std::string& dtype, const std::string& bytes) {
  std::string header = R"({"w":{"dtype":")" + dtype + R"(","shape":[2,2],"data_offsets":[0,4]}})";
  header.append((8 - header.size() % 8) % 8, ' ');
  std::string file(8, '\0');
  file[0] = static_cast<char>(header.size());
  return WeightsFile::open(folder.write(dtype + ".safetensors", file + header + bytes));
}

TEST(Weights, WidensEightBitFloatsToTheirExactValues) {
  const TemporaryFolder folder;
  const auto values = [&](const char* dtype, const std::string& bytes) {
    const auto file = four_bytes(folder, dtype, bytes);
    WeightsView view;
    view.add("w", source_of(file, "w"));
    const ViewSource stored(view);
    EXPECT_EQ(stored.get("w").scalar_type(), at::kByte);
    const Tensor wide = DequantisedSource(stored).get("w");
    EXPECT_EQ(wide.scalar_type(), at::kHalf);
    const Tensor flat = wide.to(at::kFloat).flatten();
    return std::vector<float>(flat.data_ptr<float>(), flat.data_ptr<float>() + 4);
  };
  // The largest, one, minus the smallest, no number.
  const auto e4m3 = values("F8_E4M3", "\x7e\x38\x81\xff");
  EXPECT_EQ(e4m3[0], 448.0F);
  EXPECT_EQ(e4m3[1], 1.0F);
  EXPECT_EQ(e4m3[2], -0.001953125F);
  EXPECT_TRUE(std::isnan(e4m3[3]));
  const auto e5m2 = values("F8_E5M2", "\x7b\x3c\x81\xfc");
  EXPECT_EQ(e5m2[0], 57344.0F);
  EXPECT_EQ(e5m2[1], 1.0F);
  EXPECT_EQ(e5m2[2], -0.0000152587890625F);
  EXPECT_TRUE(std::isinf(e5m2[3]) && e5m2[3] < 0);
}

TEST(Weights, RefusesNumbersThatAreNotFloatingPoint) {
  const TemporaryFolder folder;
  for (const TensorData data : {TensorData::kRead, TensorData::kShapesOnly}) {
    WeightsView view;
    view.add("w", source_of(four_bytes(folder, "I8", "abcd"), "w"));
    const ViewSource stored(view, "UNet", data);
    try {
      DequantisedSource(stored).get("w");
      ADD_FAILURE() << "was read";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
      EXPECT_THAT(error.what(), testing::HasSubstr("(UNet): tensor 'w' is stored as I8"));
    }
  }
  EXPECT_THROW(stored_type_of(WeightDtype::kOther), Error);
  EXPECT_EQ(stored_type_of(WeightDtype::kBF16), at::kBFloat16);
}

TEST(Weights, ShowsShapesAndTypesWithoutTheData) {
  const TemporaryFolder folder;
  const auto file = six_by_two(folder);
  WeightsView view;
  view.add("w", source_of(file, "w", WeightTransform::kTranspose));
  const Tensor tensor = ViewSource(view, "UNet", TensorData::kShapesOnly).get("w");
  EXPECT_TRUE(tensor.is_meta());
  EXPECT_EQ(tensor.sizes(), (at::IntArrayRef{2, 6}));
  EXPECT_EQ(tensor.scalar_type(), at::kFloat);
}

TEST(Weights, TheDigestFollowsEveryByteAndNoNumberOfThreads) {
  const TemporaryFolder folder;
  const auto digest = [&](std::size_t changed) {
    constexpr std::size_t kBytes = 3 * (1 << 20) + 40;  // more than one piece, and a rest
    std::string header = R"({"w":{"dtype":"F32","shape":[)" + std::to_string(kBytes / 4) +
                         R"(],"data_offsets":[0,)" + std::to_string(kBytes) + "]}}";
    header.append((8 - header.size() % 8) % 8, ' ');
    std::string file(8, '\0');
    file[0] = static_cast<char>(header.size());
    file += header + std::string(kBytes, 'a');
    file[8 + header.size() + changed] = 'b';
    WeightsView view;
    view.add("w", source_of(WeightsFile::open(folder.write("d.safetensors", file)), "w"));
    const ViewSource source(view);
    source.get("w");
    return source.digest();
  };
  EXPECT_EQ(digest(5), digest(5));
  EXPECT_NE(digest(5), digest(6));
  EXPECT_NE(digest(5), digest(3 * (1 << 20) + 39));
  const int threads = at::get_num_threads();
  const auto here = digest(2'000'000);
  at::set_num_threads(threads == 1 ? 2 : 1);
  EXPECT_EQ(digest(2'000'000), here);
  at::set_num_threads(threads);
}

}  // namespace
}  // namespace atelier::engine
