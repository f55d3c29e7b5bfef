#include "domain/catalog/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/error.h"

namespace atelier::domain {
namespace {

using testing::HasSubstr;

InstalledModel model(const std::string& id, const std::string& source,
                     const std::string& problem = "") {
  InstalledModel result;
  result.card.id = id;
  result.card.tasks = {{"generate", {}}};
  result.source = source;
  result.problem = problem;
  return result;
}

Catalog furnished() {
  return Catalog({model("checkpoint/dreamshaperXL_lightningDPM", "models"),
                  model("checkpoint/broken", "models", "the file ends early"),
                  model("diffusers/atelier-starter-sd", "starter"),
                  model("hf/cagliostrolab/animagine-xl-3.1", "huggingface")});
}

ErrorCode refusal(const Catalog& catalog, const std::string& name,
                  std::string* sentence = nullptr) {
  try {
    catalog.resolve(name, "generate");
  } catch (const Error& error) {
    if (sentence != nullptr) *sentence = error.what();
    EXPECT_EQ(error.field(), "model");
    return error.code();
  }
  ADD_FAILURE() << name << " was accepted";
  return ErrorCode::kInternal;
}

TEST(Catalog, AMissingNameIsTheFirstInstalledModelUnlessADefaultIsSet) {
  EXPECT_EQ(furnished().resolve("", "generate").model.card.id,
            "checkpoint/dreamshaperXL_lightningDPM");
  const Catalog bare({model("checkpoint/broken", "models", "the file ends early"),
                      model("diffusers/atelier-starter-sd", "starter")});
  EXPECT_EQ(bare.resolve("", "generate").model.card.id, "diffusers/atelier-starter-sd");
  const Catalog named(furnished().models(), "animagine-xl-3.1");
  EXPECT_EQ(named.resolve("", "generate").model.card.id, "hf/cagliostrolab/animagine-xl-3.1");
}

TEST(Catalog, TheDefaultIsTheInstalledModelWithTheHighestRank) {
  const auto ranked = [](const std::string& id, const std::string& source, int rank,
                         const std::string& problem = "") {
    auto result = model(id, source, problem);
    result.card.rank = rank;
    return result;
  };
  const Catalog catalog({ranked("a-video", "models", 0), ranked("b-anime", "models", 1),
                         ranked("c-broken", "models", 9, "the file ends early"),
                         ranked("d-photo", "models", 3), ranked("e-photo", "models", 3),
                         ranked("starter", "starter", 7)});
  EXPECT_EQ(catalog.default_id("generate"), "d-photo");
  EXPECT_EQ(Catalog(catalog.models(), "b-anime").default_id("generate"), "b-anime");
}

TEST(Catalog, LegacyNamesAreTheInstalledModelElseTheDefault) {
  const auto catalog = furnished();
  const auto anime = catalog.resolve("sdxl-anime", "generate");
  EXPECT_EQ(anime.model.card.id, "hf/cagliostrolab/animagine-xl-3.1");
  EXPECT_EQ(anime.warning, "");
  EXPECT_EQ(catalog.resolve("sdxl-surreal", "generate").model.card.id,
            "checkpoint/dreamshaperXL_lightningDPM");
  for (const std::string name : {"sdxl-realism", "sdxl", "SDXL-Base", "juggernaut", "sd15"}) {
    const auto stand_in = catalog.resolve(name, "generate");
    EXPECT_EQ(stand_in.model.card.id, "checkpoint/dreamshaperXL_lightningDPM");
    EXPECT_THAT(stand_in.warning, HasSubstr("'" + name + "' is not installed"));
  }
}

TEST(Catalog, AConfiguredDefaultReplacesMissingModels) {
  const Catalog named(furnished().models(), "animagine-xl-3.1");
  EXPECT_EQ(named.resolve("sdxl-realism", "generate").model.card.id,
            "hf/cagliostrolab/animagine-xl-3.1");
  EXPECT_EQ(named.default_id("generate"), "hf/cagliostrolab/animagine-xl-3.1");
  EXPECT_EQ(furnished().default_id("vision"), "");
}

TEST(Catalog, LegacyClientsGetTheDefaultForAnUnknownName) {
  const auto catalog = furnished();
  for (const std::string name : {"flux-dev", "dall-e-3", "cyberrealistic-xl", "nightvision-xl",
                                 "realvisxl-v5", "test-model", "/", " "}) {
    const auto stand_in = catalog.resolve(name, "generate", UnknownModel::kDefault);
    EXPECT_EQ(stand_in.model.card.id, "checkpoint/dreamshaperXL_lightningDPM") << name;
    EXPECT_THAT(stand_in.warning, HasSubstr("model '" + name + "' is not installed"));
    EXPECT_EQ(refusal(catalog, name), ErrorCode::kNotFound);
  }
  // A name of the gallery's catalogue is the installed model with its weights, where there is one.
  EXPECT_EQ(catalog.resolve("dreamshaper-xl", "generate").model.card.id,
            "checkpoint/dreamshaperXL_lightningDPM");
  const Catalog named(catalog.models(), "animagine-xl-3.1");
  EXPECT_EQ(named.resolve("flux-dev", "generate", UnknownModel::kDefault).model.card.id,
            "hf/cagliostrolab/animagine-xl-3.1");
}

TEST(Catalog, LegacyClientsAreRefusedUnusableModelsAndThoseOfAnotherTask) {
  const auto code = [](const std::string& name) {
    try {
      furnished().resolve(name, "generate", UnknownModel::kDefault);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  };
  EXPECT_EQ(code("checkpoint/broken"), ErrorCode::kUnsupported);
  EXPECT_EQ(code("moondream-2"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code("wd14-vit-v2"), ErrorCode::kInvalidArgument);
  EXPECT_THROW(Catalog().resolve("flux-dev", "generate", UnknownModel::kDefault), Error);
}

TEST(Catalog, FindsInstalledModelsAndLegacyNames) {
  const auto catalog = furnished();
  for (const std::string name : {"checkpoint/broken", "dreamshaperXL_lightningDPM", "starter",
                                 "sdxl-realism", "cyberrealistic-xl"}) {
    EXPECT_TRUE(catalog.knows(name, "generate")) << name;
    EXPECT_FALSE(catalog.knows(name, "vision")) << name;
  }
  for (const std::string name : {"flux-dev", "moondream-2", "", "/"}) {
    EXPECT_FALSE(catalog.knows(name, "generate")) << name;
  }
  EXPECT_TRUE(catalog.knows("moondream-2", "vision"));
}

TEST(Catalog, NamesMayBeShortened) {
  EXPECT_EQ(furnished().resolve("atelier-starter-sd", "generate").model.source, "starter");
  EXPECT_EQ(furnished().resolve("starter", "generate").model.source, "starter");
  EXPECT_EQ(refusal(Catalog(), "starter"), ErrorCode::kNotFound);
  EXPECT_EQ(furnished().resolve("cagliostrolab/animagine-xl-3.1", "generate").model.source,
            "huggingface");
}

TEST(Catalog, AFileNameWithItsExtensionIsItsModel) {
  for (const std::string name :
       {"checkpoints/dreamshaperXL_lightningDPM.safetensors", "dreamshaperXL_lightningDPM.ckpt"}) {
    EXPECT_EQ(furnished().resolve(name, "generate").model.card.id,
              "checkpoint/dreamshaperXL_lightningDPM");
  }
  EXPECT_EQ(refusal(furnished(), "checkpoints/broken.safetensors"), ErrorCode::kUnsupported);
  EXPECT_EQ(refusal(furnished(), ".safetensors"), ErrorCode::kNotFound);
}

TEST(Catalog, AVisionModelIsRefusedForGeneration) {
  std::string sentence;
  for (const std::string name :
       {"moondream-2", "vikhyatk/moondream2", "joycaption-alpha-2", "wd14-vit-v2"}) {
    EXPECT_EQ(refusal(furnished(), name, &sentence), ErrorCode::kInvalidArgument);
    EXPECT_THAT(sentence, HasSubstr(name));
  }
}

TEST(Catalog, AnUnknownNameIsRefusedWithTheNearestNames) {
  std::string sentence;
  EXPECT_EQ(refusal(furnished(), "gpt-4o", &sentence), ErrorCode::kNotFound);
  EXPECT_THAT(sentence, HasSubstr("diffusers/atelier-starter-sd"));
  EXPECT_THAT(sentence, Not(HasSubstr("broken")));
  EXPECT_EQ(refusal(furnished(), "diffusers/atelier-startr-sd", &sentence), ErrorCode::kNotFound);
  EXPECT_THAT(sentence, HasSubstr("the nearest names are 'diffusers/atelier-starter-sd'"));
  EXPECT_EQ(refusal(furnished(), std::string(90, 'x') + "ünüsual", &sentence),
            ErrorCode::kNotFound);
  EXPECT_EQ(refusal(Catalog(), "", &sentence), ErrorCode::kNotFound);
  EXPECT_THAT(sentence, HasSubstr("models/"));
  EXPECT_EQ(refusal(furnished(), "/", nullptr), ErrorCode::kNotFound);
}

TEST(Catalog, OnlyAClassifierOfSafetyAnswersForNsfwDetector) {
  auto starter = model("vision/atelier-starter-classifier", "starter");
  starter.card.tasks = {{"classify", {}}};
  EXPECT_THROW(Catalog({starter}).resolve("nsfw-detector", "classify"), Error);
  auto real = starter;
  real.card.id = "vision/open-nsfw";
  real.source = "models";
  const Catalog both({starter, real});
  EXPECT_EQ(both.resolve("nsfw-detector", "classify").model.card.id, "vision/open-nsfw");
  EXPECT_EQ(both.resolve("", "classify").model.card.id, "vision/open-nsfw");
}

TEST(Catalog, AnUnusableModelIsRefusedWithTheReason) {
  std::string sentence;
  EXPECT_EQ(refusal(furnished(), "checkpoint/broken", &sentence), ErrorCode::kUnsupported);
  EXPECT_THAT(sentence, HasSubstr("the file ends early"));
}

}  // namespace
}  // namespace atelier::domain
