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
  result.card.task = "generation";
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
    catalog.resolve(name, "generation");
  } catch (const Error& error) {
    if (sentence != nullptr) *sentence = error.what();
    return error.code();
  }
  ADD_FAILURE() << name << " was accepted";
  return ErrorCode::kInternal;
}

TEST(Catalog, AMissingNameIsTheStartersUnlessSettingsNameAnother) {
  EXPECT_EQ(furnished().resolve("", "generation").model.card.id, "diffusers/atelier-starter-sd");
  const Catalog named(furnished().models(), "animagine-xl-3.1");
  EXPECT_EQ(named.resolve("", "generation").model.card.id, "hf/cagliostrolab/animagine-xl-3.1");
}

TEST(Catalog, FoundingNamesMeanTheInstalledModelElseTheStarter) {
  const auto catalog = furnished();
  const auto anime = catalog.resolve("sdxl-anime", "generation");
  EXPECT_EQ(anime.model.card.id, "hf/cagliostrolab/animagine-xl-3.1");
  EXPECT_EQ(anime.warning, "");
  EXPECT_EQ(catalog.resolve("sdxl-surreal", "generation").model.card.id,
            "checkpoint/dreamshaperXL_lightningDPM");
  for (const std::string name : {"sdxl-realism", "sdxl", "SDXL-Base", "juggernaut", "sd15"}) {
    const auto stand_in = catalog.resolve(name, "generation");
    EXPECT_EQ(stand_in.model.card.id, "diffusers/atelier-starter-sd");
    EXPECT_THAT(stand_in.warning, HasSubstr("'" + name + "' is not installed"));
  }
}

TEST(Catalog, NamesMayBeShortened) {
  EXPECT_EQ(furnished().resolve("atelier-starter-sd", "generation").model.source, "starter");
  EXPECT_EQ(furnished().resolve("starter", "generation").model.source, "starter");
  EXPECT_EQ(refusal(Catalog(), "starter"), ErrorCode::kNotFound);
  EXPECT_EQ(furnished().resolve("cagliostrolab/animagine-xl-3.1", "generation").model.source,
            "huggingface");
}

TEST(Catalog, AFilesNameWithItsEndingMeansItsModel) {
  for (const std::string name :
       {"checkpoints/dreamshaperXL_lightningDPM.safetensors", "dreamshaperXL_lightningDPM.ckpt"}) {
    EXPECT_EQ(furnished().resolve(name, "generation").model.card.id,
              "checkpoint/dreamshaperXL_lightningDPM");
  }
  EXPECT_EQ(refusal(furnished(), "checkpoints/broken.safetensors"), ErrorCode::kUnsupported);
  EXPECT_EQ(refusal(furnished(), ".safetensors"), ErrorCode::kNotFound);
}

TEST(Catalog, AVisionModelDoesNotDraw) {
  std::string sentence;
  for (const std::string name :
       {"moondream-2", "vikhyatk/moondream2", "joycaption-alpha-2", "wd14-vit-v2"}) {
    EXPECT_EQ(refusal(furnished(), name, &sentence), ErrorCode::kInvalidArgument);
    EXPECT_THAT(sentence, HasSubstr(name));
  }
}

TEST(Catalog, AnUnknownNameIsRefusedNamingWhatIsThere) {
  std::string sentence;
  EXPECT_EQ(refusal(furnished(), "gpt-4o", &sentence), ErrorCode::kNotFound);
  EXPECT_THAT(sentence, HasSubstr("diffusers/atelier-starter-sd"));
  EXPECT_THAT(sentence, Not(HasSubstr("broken")));
  EXPECT_EQ(refusal(Catalog(), "", &sentence), ErrorCode::kNotFound);
  EXPECT_THAT(sentence, HasSubstr("models/checkpoints"));
  EXPECT_EQ(refusal(furnished(), "/", nullptr), ErrorCode::kNotFound);
}

TEST(Catalog, AnUnusableModelSaysWhy) {
  std::string sentence;
  EXPECT_EQ(refusal(furnished(), "checkpoint/broken", &sentence), ErrorCode::kUnsupported);
  EXPECT_THAT(sentence, HasSubstr("the file ends early"));
}

}  // namespace
}  // namespace atelier::domain
