#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "engine/weights/sparse_checkpoint.h"
#include "media/image/convert.h"
#include "platform/error.h"
#include "tests/golden/classifier_golden.h"
#include "tests/golden/tiny_classifier.h"

namespace atelier::engine {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using testing::AllOf;
using testing::HasSubstr;

// A folder with the golden file's configuration and weights.
class GoldenFolder {
 public:
  explicit GoldenFolder(const std::string& name) : golden(name), config(golden.config()) {
    const SeededSource source = golden.source();
    for (const std::string& tensor : source.names()) {
      tensors.push_back({tensor, json::value_from(source.shape(tensor).value())});
    }
  }
  fs::path write() const {
    golden::write_text(folder_.path() / "config.json", json::serialize(config));
    golden::write_safetensors(folder_.path() / "model.safetensors", tensors,
                              [](const std::string& name, const std::vector<std::int64_t>& shape) {
                                const Tensor values = seeded_tensor("vit", name, shape);
                                const float* const first = values.data_ptr<float>();
                                return std::vector<float>(first, first + values.numel());
                              });
    return folder_.path();
  }
  const fs::path& path() const { return folder_.path(); }

  ModelGolden golden;
  json::object config;
  json::array tensors;  // [[name, shape], …]

 private:
  TemporaryFolder folder_;
};

json::object& preparation_of(GoldenFolder& folder) {
  return folder.config.at("pretrained_cfg").as_object();
}

std::string refusal_of(const fs::path& path, ErrorCode expected = ErrorCode::kUnsupported) {
  try {
    load_model(detect_model(CheckpointFiles(path)), {.bind = {.device = at::kMeta}});
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), expected) << error.what();
    return error.what();
  }
  return "nothing was thrown";
}

ClassifierFacts facts_of(const fs::path& path) {
  return *detect_model(CheckpointFiles(path)).facts.find<ClassifierFacts>();
}

TEST(VitClassifier, GivesTheScoresOfTimmFromPixelsOn) {
  for (const char* const name : {"vit_class_token", "vit_mean", "vit_mean_fc_norm"}) {
    SCOPED_TRACE(name);
    const GoldenFolder folder(name);
    expect_golden_scores(folder.write(), folder.golden, at::kFloat);
  }
}

TEST(VitClassifier, StaysNearTimmInBfloat16) {
  const GoldenFolder folder("vit_class_token");
  expect_golden_scores(folder.write(), folder.golden, at::kBFloat16);
}

TEST(VitClassifier, RatesGreyAndTransparentPicturesAsRgbOnWhite) {
  const TemporaryFolder folder;
  golden::write_tiny_classifier(folder.path());
  const auto model = load_model(detect_model(CheckpointFiles(folder.path())), {});
  const auto& classifier = model->capability<ImageClassifier>();
  for (const int channels : {1, 4}) {
    const media::Image picture = golden::pattern_picture(40, 30, channels);
    EXPECT_EQ(classifier.scores(picture, [] {}), classifier.scores(media::to_rgb(picture), [] {}));
  }
  media::Image invalid = golden::pattern_picture(4, 4);
  invalid.height = 0;
  EXPECT_THROW(classifier.scores(invalid, [] {}), Error);
}

TEST(VitClassifier, IsEndedByItsCheckInThePictureAndInTheNetwork) {
  const TemporaryFolder folder;
  golden::write_tiny_classifier(folder.path());
  const auto model = load_model(detect_model(CheckpointFiles(folder.path())), {});
  const auto& classifier = model->capability<ImageClassifier>();
  const media::Image picture = golden::pattern_picture(40, 30);
  int calls = 0;
  classifier.scores(picture, [&] { ++calls; });
  EXPECT_GT(calls, 30 + 1);  // rows of the picture, blocks of the network
  for (const int last : {1, calls}) {
    int count = 0;
    const auto stop = [&] {
      if (++count == last) throw Error(ErrorCode::kCancelled, "enough");
    };
    EXPECT_THROW(classifier.scores(picture, stop), Error);
    EXPECT_EQ(count, last);
  }
}

TEST(VitClassifier, ReadsLabelsFromTheConfigurationOrNumbersThem) {
  GoldenFolder folder("vit_class_token");
  EXPECT_EQ(facts_of(folder.write()).labels,
            (std::vector<std::string>{"first", "second", "third"}));
  EXPECT_EQ(facts_of(folder.path()).flagged, "");
  golden::write_text(folder.path() / "atelier.json", R"({"flagged": "second"})");
  EXPECT_EQ(facts_of(folder.path()).flagged, "second");
  preparation_of(folder)["label_names"] = {"NSFW", "SFW", "other"};
  EXPECT_EQ(facts_of(folder.write()).flagged, "NSFW");
  preparation_of(folder).erase("label_names");
  EXPECT_EQ(facts_of(folder.write()).labels,
            (std::vector<std::string>{"class 0", "class 1", "class 2"}));
}

TEST(VitClassifier, RefusesTensorsThatAreMissingOrOfAnotherShape) {
  GoldenFolder folder("vit_class_token");
  folder.tensors.push_back({"norm_pre.weight", json::array{192}});
  EXPECT_THAT(refusal_of(folder.write()), HasSubstr("'norm_pre.weight' has no place in it"));
  folder.tensors.pop_back();
  json::value* bias = nullptr;
  for (json::value& tensor : folder.tensors) {
    if (tensor.at(0) == "blocks.1.mlp.fc2.bias") bias = &tensor;
  }
  ASSERT_NE(bias, nullptr);
  bias->as_array()[1] = json::array{96};
  EXPECT_THAT(refusal_of(folder.write(), ErrorCode::kCorruptData),
              AllOf(HasSubstr("blocks.1.mlp.fc2.bias"), HasSubstr("192"), HasSubstr("96")));
  bias->as_array()[0] = "blocks.1.mlp.fc2.beta";
  EXPECT_THAT(refusal_of(folder.write()), HasSubstr("'blocks.1.mlp.fc2.bias' is missing"));
}

TEST(VitClassifier, RefusesConfigurationsThatItCannotFollow) {
  GoldenFolder folder("vit_class_token");
  const json::object published = folder.config;
  const auto refused_with = [&](const std::function<void(json::object&)>& change,
                                ErrorCode code = ErrorCode::kUnsupported) {
    folder.config = published;
    change(folder.config);
    return refusal_of(folder.write(), code);
  };
  EXPECT_THAT(refused_with([](json::object& config) { config.erase("pretrained_cfg"); }),
              HasSubstr("lacks 'pretrained_cfg'"));
  const auto with = [](const char* key, const json::value& value) {
    return [key, value](json::object& config) {
      config.at("pretrained_cfg").as_object()[key] = value;
    };
  };
  EXPECT_THAT(refused_with(with("interpolation", "hamming")), HasSubstr("'hamming'"));
  EXPECT_THAT(refused_with(with("crop_pct", 1e-9)), HasSubstr("more than 4096 pixels"));
  EXPECT_THAT(refused_with(with("crop_mode", "border")), HasSubstr("crop_mode"));
  EXPECT_THAT(
      refused_with(
          [](json::object& config) { config.at("model_args").as_object()["num_heads"] = 5; },
          ErrorCode::kCorruptData),
      HasSubstr("5 heads"));
}

TEST(VitClassifier, RefusesTaggersAndFilesWithoutConfiguration) {
  const GoldenFolder folder("vit_class_token");
  const fs::path path = folder.write();
  EXPECT_THAT(refusal_of(path / "model.safetensors"), HasSubstr("without its configuration"));
  golden::write_text(path / "selected_tags.csv", "tag_id,name\n");
  EXPECT_THAT(refusal_of(path), HasSubstr("taggers are not supported"));
}

// Marqo/nsfw-image-detection-384 by its published names and shapes.
TEST(VitClassifier, TakesThePublishedFileWithNothingLeftOver) {
  const TemporaryFolder folder;
  std::vector<ListedTensor> tensors;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
    tensors.push_back({name, std::move(shape), {}});
  };
  const auto layer = [&](const std::string& name, std::vector<std::int64_t> shape) {
    add(name + ".bias", {shape[0]});
    add(name + ".weight", std::move(shape));
  };
  add("cls_token", {1, 1, 192});
  add("pos_embed", {1, 577, 192});
  layer("patch_embed.proj", {192, 3, 16, 16});
  for (int i = 0; i < 12; ++i) {
    const std::string block = "blocks." + std::to_string(i) + ".";
    layer(block + "norm1", {192});
    layer(block + "attn.qkv", {576, 192});
    layer(block + "attn.proj", {192, 192});
    layer(block + "norm2", {192});
    layer(block + "mlp.fc1", {768, 192});
    layer(block + "mlp.fc2", {192, 768});
  }
  layer("norm", {192});
  layer("head", {2, 192});
  write_sparse_safetensors(folder.path() / "model.safetensors", tensors, "F32");
  folder.write("config.json", R"({"architecture": "vit_tiny_patch16_384", "num_classes": 2,
    "num_features": 192, "global_pool": "token",
    "pretrained_cfg": {"tag": "augreg_in21k_ft_in1k", "input_size": [3, 384, 384],
      "fixed_input_size": true, "interpolation": "bicubic", "crop_pct": 1.0, "crop_mode": "center",
      "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "num_classes": 2, "pool_size": null,
      "first_conv": "patch_embed.proj", "classifier": "head", "label_names": ["NSFW", "SFW"]}})");
  const DetectedModel found = detect_model(CheckpointFiles(folder.path(), "marqo"));
  EXPECT_EQ(found.card.family, "vit_classifier");
  EXPECT_TRUE(found.card.warnings.empty());
  EXPECT_EQ(found.facts.find<ClassifierFacts>()->flagged, "NSFW");
  const auto model = load_model(found, {.bind = {.device = at::kMeta}});
  EXPECT_EQ(model->bytes(), 5'597'762 * 4);
}

}  // namespace
}  // namespace atelier::engine
