// The golden models in the layout of single files: read through the name map they must be the very
// tensors with which the networks give the reference's numbers.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine/models/autoencoder_kl.h"
#include "engine/models/clip_text.h"
#include "engine/models/unet2d.h"
#include "engine/weights/ldm_names.h"
#include "engine/weights/weights.h"
#include "tests/golden/model_golden.h"

namespace atelier::engine {
namespace {

// tools/reference/make_ldm_names.py describes the lines.
Tensor stored_tensor(const boost::json::array& line, const SeededSource& source) {
  std::vector<Tensor> parts;
  for (const boost::json::value& name : line[3].as_array()) {
    parts.push_back(source.get(std::string_view(name.as_string())));
  }
  if (line[4].as_string() == "transposed") return parts[0].t().contiguous();
  return at::cat(parts).reshape(golden_integers(line[1])).contiguous();
}

// A safetensors file of the family's golden models under single-file names.
std::filesystem::path write_single_file(const std::string& family) {
  std::map<std::string, SeededSource> sources;
  boost::json::object header;
  std::string data;
  const boost::json::value list = boost::json::parse(read_golden("ldm_" + family + ".json"));
  for (const boost::json::value& item : list.as_array()) {
    const boost::json::array& line = item.as_array();
    const std::string golden(line[2].as_string());
    if (!sources.contains(golden)) sources.emplace(golden, ModelGolden(golden).source());
    const Tensor tensor = stored_tensor(line, sources.at(golden));
    const std::size_t begin = data.size();
    data.append(static_cast<const char*>(tensor.data_ptr()), tensor.nbytes());
    boost::json::array offsets;
    offsets.emplace_back(begin);
    offsets.emplace_back(data.size());
    boost::json::object entry;
    entry["dtype"] = "F32";
    entry["shape"] = line[1];
    entry["data_offsets"] = std::move(offsets);
    header[line[0].as_string()] = std::move(entry);
  }
  const std::string text = boost::json::serialize(header);
  const std::uint64_t size = text.size();
  const std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) / ("atelier_ldm_" + family + ".safetensors");
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&size), sizeof size);
  file << text << data;
  return path;
}

struct Opened {
  explicit Opened(const std::string& family)
      : path(write_single_file(family)), parts(map_ldm_checkpoint(WeightsFile::open(path))) {}
  ~Opened() { std::filesystem::remove(path); }
  std::filesystem::path path;
  LdmParts parts;
};

// Every tensor is the golden's, and the network takes all of them.
template <typename Network, typename Config>
void expect_same(const WeightsView& view, const std::string& golden_name) {
  SCOPED_TRACE(golden_name);
  const ModelGolden golden(golden_name);
  const SeededSource seeded = golden.source();
  const ViewSource opened(view);
  EXPECT_EQ(opened.names().size(), seeded.names().size());
  for (const std::string& name : seeded.names()) {
    ASSERT_TRUE(opened.shape(name).has_value()) << name;
    EXPECT_TRUE(opened.get(name).equal(seeded.get(name))) << name;
  }
  const Binder binder(opened, at::kFloat);
  const Network network(Config::from_json(golden.config()), binder);
  binder.check_all_used();
}

TEST(LdmLayout, HoldsTheGoldenModelsOfSd15) {
  const Opened file("sd15");
  expect_same<UNet2D, UNet2DConfig>(file.parts.unet, "unet_sd15");
  expect_same<AutoencoderKl, AutoencoderKlConfig>(file.parts.vae, "vae");
  expect_same<ClipText, ClipTextConfig>(file.parts.text_encoder, "text_quick_gelu");
  EXPECT_TRUE(file.parts.left_over.empty());
}

TEST(LdmLayout, HoldsTheGoldenModelsOfSdxl) {
  const Opened file("sdxl");
  expect_same<UNet2D, UNet2DConfig>(file.parts.unet, "unet_sdxl");
  expect_same<AutoencoderKl, AutoencoderKlConfig>(file.parts.vae, "vae");
  expect_same<ClipText, ClipTextConfig>(file.parts.text_encoder, "text_quick_gelu");
  expect_same<ClipText, ClipTextConfig>(file.parts.text_encoder_2, "text_gelu_projection");
  EXPECT_TRUE(file.parts.left_over.empty());
}

}  // namespace
}  // namespace atelier::engine
