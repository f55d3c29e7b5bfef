#include "engine/models/all_models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "engine/models/denoiser.h"
#include "engine/models/image_classifier.h"
#include "engine/models/upscaler.h"
#include "engine/weights/sparse_checkpoint.h"
#include "platform/error.h"
#include "tests/golden/tiny_classifier.h"
#include "tests/golden/tiny_model.h"
#include "tests/golden/tiny_upscaler.h"

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

void write_golden_model(const fs::path& folder, const std::string& golden) {
  std::ifstream file(ATELIER_SOURCE_DIR "/tests/golden/data/pipelines/" + golden + ".json");
  std::stringstream text;
  text << file.rdbuf();
  golden::write_tiny_model(folder, boost::json::parse(text.str()).at("model").as_object());
}

// Writes a small model into the folder. -> the path of the model
using WriteModel = std::function<fs::path(const fs::path& folder)>;

// A small model of each family of the list, by the family's id. A new family needs a line here.
const std::map<std::string, WriteModel>& tiny_models() {
  const auto golden_model = [](const char* golden) {
    return [golden](const fs::path& folder) {
      write_golden_model(folder, golden);
      return folder;
    };
  };
  static const std::map<std::string, WriteModel> writers = {
      {"sd15", golden_model("sd15")},
      {"sdxl", golden_model("sdxl")},
      {"real_esrgan",
       [](const fs::path& folder) {
         golden::write_tiny_upscaler(folder / "tiny.safetensors");
         return folder / "tiny.safetensors";
       }},
      {"vit_classifier",
       [](const fs::path& folder) {
         golden::write_tiny_classifier(folder);
         return folder;
       }},
      {"open_nsfw",
       [](const fs::path& folder) {
         fs::copy_file(ATELIER_SOURCE_DIR "/tests/golden/data/models/open_nsfw.onnx",
                       folder / "tiny.onnx");
         return folder / "tiny.onnx";
       }},
  };
  return writers;
}

std::string failure_of(const std::function<void()>& act, ErrorCode expected) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), expected) << error.what();
    return error.what();
  }
  return "";
}

TEST(AllModels, EveryFamilyRecognisesAndLoadsItsOwnModelAndNoOther) {
  for (const ModelFamily& family : all_models()) {
    SCOPED_TRACE(family.id);
    ASSERT_TRUE(tiny_models().contains(family.id));
    const TemporaryFolder folder;
    const CheckpointFiles files(tiny_models().at(family.id)(folder.path()), "tiny");
    for (const ModelFamily& each : all_models()) {
      EXPECT_EQ(each.detect(files).has_value(), each.id == family.id) << each.id;
    }
    const DetectedModel found = detect_model(files);
    EXPECT_EQ(found.family->id, family.id);
    EXPECT_EQ(found.card.id, "tiny");
    EXPECT_EQ(found.card.family, family.id);
    EXPECT_GT(found.card.memory.weights_bytes, 0);
    EXPECT_FALSE(found.layout.components.empty());
    EXPECT_EQ((found.facts.find<DenoiserFacts>() != nullptr) +
                  (found.facts.find<UpscalerFacts>() != nullptr) +
                  (found.facts.find<ClassifierFacts>() != nullptr),
              1);
    const auto shapes = load_model(found, {.bind = {.device = at::kMeta}});
    const auto loaded = load_model(found, {});
    EXPECT_GT(loaded->bytes(), 0);
    EXPECT_EQ(loaded->component_bytes(), shapes->component_bytes());
    EXPECT_NE(loaded->content_hash(), shapes->content_hash());
  }
}

TEST(AllModels, TheFullUpscalerHasAHigherRankThanASmallOne) {
  const TemporaryFolder folder;
  const auto rank_with = [&](int blocks) {
    golden::write_tiny_upscaler(folder.path() / "tiny.safetensors", blocks);
    return detect_model(CheckpointFiles(folder.path() / "tiny.safetensors")).card.rank;
  };
  EXPECT_GT(rank_with(23), rank_with(6));
  EXPECT_GT(rank_with(6), 0);  // of compact networks
}

TEST(AllModels, TwoFamiliesThatRecogniseTheSameFilesAreAnError) {
  const TemporaryFolder folder;
  write_golden_model(folder.path(), "sd15");
  std::vector<ModelFamily> families = all_models();
  families.push_back(families.front());
  families.back().id = "greedy";
  const CheckpointFiles files(folder.path());
  EXPECT_THAT(failure_of([&] { detect_model(files, families); }, ErrorCode::kInternal),
              AllOf(HasSubstr("'sd15'"), HasSubstr("'greedy'"), HasSubstr("both recognise")));
}

TEST(AllModels, UnknownFilesAreDescribed) {
  const TemporaryFolder folder;
  const auto sentence = [&] {
    return failure_of([&] { detect_model(CheckpointFiles(folder.path())); },
                      ErrorCode::kUnsupported);
  };
  EXPECT_THAT(sentence(), HasSubstr("neither a model_index.json"));
  folder.write("config.json", R"({"architectures": ["LlamaForCausalLM"]})");
  EXPECT_THAT(sentence(), AllOf(HasSubstr("holds a LlamaForCausalLM"), HasSubstr("known here: "),
                                HasSubstr("Stable Diffusion 1.5"), HasSubstr("SDXL")));
  folder.write("model_index.json", R"({"unet": ["diffusers", "UNet3DConditionModel"],
                                       "vae": ["diffusers", "AutoencoderKL"]})");
  EXPECT_THAT(sentence(), HasSubstr("its part 'unet' is a UNet3DConditionModel"));
  folder.write("model_index.json", R"({"unet": ["diffusers", "UNet2DConditionModel"]})");
  EXPECT_THAT(sentence(), HasSubstr("no autoencoder (vae)"));
}

class Plain final : public Model {
 public:
  explicit Plain(LoadedFiles files) : Model(std::move(files)) {}
};

struct Counter {
  explicit Counter(Model& model) : id(model.id()) {}
  std::string id;
  int jobs = 0;
};

TEST(Model, SaysWhichCapabilityItLacksAndKeepsWhatAPipelineMade) {
  LoadedFiles files;
  files.card.id = "tiny";
  files.card.family = "plain";
  files.component_bytes = {{"a", 3}, {"b", 4}};
  Plain model(std::move(files));
  EXPECT_EQ(model.bytes(), 7);
  EXPECT_EQ(model.find_capability<Denoiser>(), nullptr);
  EXPECT_THAT(failure_of([&] { model.capability<Denoiser>(); }, ErrorCode::kUnsupported),
              HasSubstr("model 'tiny' (plain) cannot generate images"));
  model.kept<Counter>().jobs += 1;
  EXPECT_EQ(model.kept<Counter>().jobs, 1);
  EXPECT_EQ(model.kept<Counter>().id, "tiny");
}

}  // namespace
}  // namespace atelier::engine
