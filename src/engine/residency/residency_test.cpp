#include "engine/residency/residency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/weights/sparse_checkpoint.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class Plain final : public Model {
 public:
  explicit Plain(LoadedFiles files) : Model(std::move(files)) {}
};

// One tensor of four elements; its bytes in memory follow the dtype.
std::unique_ptr<Model> load_plain(const DetectedModel& detected, const LoadOptions& options) {
  if (options.check) options.check();
  const auto bytes = static_cast<std::int64_t>(4 * c10::elementSize(options.bind.dtype));
  return std::make_unique<Plain>(LoadedFiles{
      detected.card, detected.layout.path, detected.layout.version, "", {{"model", bytes}}});
}

std::optional<DetectedModel> detect_plain(const CheckpointFiles& files) {
  DetectedModel found;
  found.layout = files.one_component("Plain");
  found.card.id = files.id();
  return found;
}

const ModelFamily kFamily{"plain", "Plain", detect_plain, load_plain};

class ResidencyTest : public testing::Test {
 protected:
  ModelForm form(const std::string& id, at::ScalarType dtype = at::kFloat) {
    const std::filesystem::path path = folder_.path() / (id + ".safetensors");
    if (!std::filesystem::exists(path)) {
      write_sparse_safetensors(path, {{"w", {4}, {}}}, "F16");
    }
    return {id, path, {.dtype = dtype}};
  }
  std::shared_ptr<Model> load(const ModelForm& form) {
    return residency_.load(detect_model(CheckpointFiles(form.path, form.id), {&kFamily, 1}), form,
                           {});
  }
  std::vector<std::string> ids() const {
    std::vector<std::string> ids;
    for (const ResidentModel& model : residency_.report().models) ids.push_back(model.form.id);
    return ids;
  }

  TemporaryFolder folder_;
  Residency residency_;
};

TEST_F(ResidencyTest, ReportsBytesPerComponentInTheOrderOfUse) {
  const std::shared_ptr<Model> first = load(form("a"));
  load(form("b", at::kHalf));
  EXPECT_THAT(ids(), ElementsAre("b", "a"));
  EXPECT_EQ(residency_.find(form("a")), first);
  EXPECT_THAT(ids(), ElementsAre("a", "b"));
  const ResidencyReport report = residency_.report();
  EXPECT_EQ(report.bytes, 24);
  EXPECT_EQ(report.models[0].bytes, 16);
  EXPECT_THAT(report.models[1].component_bytes, ElementsAre(Pair("model", 8)));
}

TEST_F(ResidencyTest, AnotherFormOfTheSameFilesIsAnotherModel) {
  load(form("a"));
  EXPECT_EQ(residency_.find(form("a", at::kHalf)), nullptr);
  ModelForm precise = form("a");
  precise.bind.precise = true;
  EXPECT_EQ(residency_.find(precise), nullptr);
  load(precise);
  EXPECT_NE(residency_.find(form("a")), nullptr);
  load(form("b"));
  residency_.evict_id("a");  // in every form
  EXPECT_THAT(ids(), ElementsAre("b"));
}

TEST_F(ResidencyTest, EvictsModelsWhoseFilesChanged) {
  load(form("a"));
  load(form("b"));
  residency_.evict_outdated(form("a").path);
  EXPECT_THAT(ids(), ElementsAre("b", "a"));
  write_sparse_safetensors(form("a").path, {{"w", {8}, {}}}, "F16");
  residency_.evict_outdated(form("b").path);
  EXPECT_THAT(ids(), ElementsAre("b", "a"));  // the files of another path are not checked
  residency_.evict_outdated(form("a").path);
  EXPECT_THAT(ids(), ElementsAre("b"));
  residency_.evict_all();
  EXPECT_THAT(ids(), IsEmpty());
}

TEST_F(ResidencyTest, KeepsAModelThatIsInUse) {
  std::shared_ptr<Model> used = load(form("a"));
  load(form("b"));
  residency_.evict_id("a");
  residency_.evict_all();
  EXPECT_THAT(ids(), ElementsAre("a"));
  used.reset();
  residency_.evict_id("a");
  EXPECT_THAT(ids(), IsEmpty());
}

TEST_F(ResidencyTest, AModelInUseOutlivesTheEvictionOfItsOldFiles) {
  const std::shared_ptr<Model> used = load(form("a"));
  write_sparse_safetensors(form("a").path, {{"w", {8}, {}}}, "F16");
  residency_.evict_outdated(form("a").path);
  EXPECT_EQ(residency_.find(form("a")), nullptr);
  EXPECT_NE(load(form("a")), used);
  EXPECT_EQ(used->id(), "a");
}

TEST_F(ResidencyTest, AModelThatAnotherRunHasLoadedMeanwhileIsThatOne) {
  const ModelForm a = form("a");
  const DetectedModel detected = detect_model(CheckpointFiles(a.path, a.id), {&kFamily, 1});
  std::shared_ptr<Model> other;
  const auto model = residency_.load(detected, a, [&] { other = load(a); });
  EXPECT_EQ(model, other);
  EXPECT_THAT(ids(), ElementsAre("a"));
}

TEST_F(ResidencyTest, KeepsNothingOfALoadThatFailed) {
  const ModelForm a = form("a");
  const DetectedModel detected = detect_model(CheckpointFiles(a.path, a.id), {&kFamily, 1});
  EXPECT_THROW(
      residency_.load(detected, a, [] { throw Error(ErrorCode::kCancelled, "cancelled"); }), Error);
  EXPECT_THAT(ids(), IsEmpty());
}

}  // namespace
}  // namespace atelier::engine
