#include "domain/settings/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/settings/limits.h"
#include "platform/error.h"

namespace atelier::domain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Environment variables(std::map<std::string, std::string> values) {
  values.try_emplace("HOME", "/home/ada");
  return [values](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  };
}

std::string refusal(const std::string& file, const Environment& environment) {
  try {
    read_settings(file, environment, {});
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST(Settings, FlagsPrecedeTheEnvironmentWhichPrecedesTheFile) {
  const std::string file = "[server]\nport = 1111\nhost = \"::1\"\n[log]\nlevel = \"debug\"\n";
  const auto environment = variables({{"PORT", "2222"}, {"LOG_LEVEL", "WARN"}});
  EXPECT_EQ(read_settings(file, variables({}), {}).port, 1111);
  EXPECT_EQ(read_settings(file, environment, {}).port, 2222);
  const auto settings = read_settings(file, environment, {{"server.port", "3333"}});
  EXPECT_EQ(settings.port, 3333);
  EXPECT_EQ(settings.host, "::1");
  EXPECT_EQ(settings.log_level, "warning");
}

TEST(Settings, HaveDefaultsWithoutAnySource) {
  const auto settings = read_settings("", variables({}), {});
  EXPECT_EQ(settings.port, 2020);
  EXPECT_EQ(settings.host, "127.0.0.1");
  EXPECT_EQ(settings.home, "/home/ada/.local/share/atelier");
  EXPECT_EQ(settings.huggingface, "/home/ada/.cache/huggingface/hub");
  for (const int max : settings.queue_max) EXPECT_GT(max, 0);
  EXPECT_EQ(settings.drain_seconds, limits::kDrainSeconds);
  EXPECT_EQ(settings.connections_max, 512);
}

TEST(Settings, ConnectionsAreLimitedByASettingThatLeavesSome) {
  EXPECT_EQ(read_settings("[server]\nconnections_max = 2000", variables({}), {}).connections_max,
            2000);
  EXPECT_THROW(read_settings("", variables({{"ATELIER_CONNECTIONS_MAX", "16"}}), {}), Error);
}

TEST(Settings, HomeIsNamedByFlagVariableOrXdg) {
  EXPECT_EQ(home_folder(variables({{"XDG_DATA_HOME", "/data"}}), {}), "/data/atelier");
  const auto own = variables({{"XDG_DATA_HOME", "/data"}, {"ATELIER_HOME", "/own"}});
  EXPECT_EQ(home_folder(own, {}), "/own");
  EXPECT_EQ(home_folder(own, {{"home", "/flag"}}), "/flag");
}

TEST(Settings, TheLegacyVariablesAreHonoured) {
  const auto settings =
      read_settings("",
                    variables({{"HOST", "0.0.0.0"},
                               {"VRAM_MODE", "LOW"},
                               {"CORS_ORIGINS", "https://a.example, https://b.example"},
                               {"DNA_CORS_ALLOW_ORIGINS", "[\"http://localhost:5173\"]"},
                               {"MOONDREAM_MODELS_DIR", "/models"},
                               {"CUDA_VISIBLE_DEVICES", "1"},
                               {"DNA_DEBUG_LOG_PATH", "/logs/debug.log"},
                               {"ATELIER_HOSTS", "studio.local"},
                               {"ATELIER_API_KEY", "secret"}}),
                    {});
  EXPECT_EQ(settings.host, "0.0.0.0");
  EXPECT_EQ(settings.vram_mode, "low");
  EXPECT_THAT(settings.origins,
              ElementsAre("https://a.example", "https://b.example", "http://localhost:5173"));
  EXPECT_THAT(settings.model_folders, ElementsAre("/models"));
  EXPECT_THAT(settings.hosts, ElementsAre("studio.local"));
  EXPECT_EQ(settings.api_key, "secret");
  EXPECT_EQ(settings.cuda_devices, "1");
  EXPECT_EQ(settings.debug_log, "/logs/debug.log");
}

TEST(Settings, VariablesWithoutEffectAreReported) {
  EXPECT_TRUE(read_settings("", variables({}), {}).without_effect.empty());
  const auto sentences = read_settings("",
                                       variables({{"MOONDREAM_PATH", "/moondream"},
                                                  {"MOONDREAM_AUTO_UNLOAD", "true"},
                                                  {"DNA_DATA_DIR", "/data"},
                                                  {"DNA_OUTPUT_DIR", "/data/output"}}),
                                       {})
                             .without_effect;
  ASSERT_EQ(sentences.size(), 4U);
  EXPECT_THAT(sentences.front(),
              HasSubstr("MOONDREAM_PATH=/moondream is recognised but has no effect"));
  EXPECT_THAT(sentences.back(), HasSubstr("DNA_OUTPUT_DIR=/data/output"));
}

TEST(Settings, AListReplacesThatOfASourceWithLowerPrecedence) {
  const std::string file = "[models]\nfolders = [\"/file\"]\n";
  const auto environment =
      variables({{"MOONDREAM_MODELS_DIR", "/legacy"}, {"ATELIER_MODELS", "/own"}});
  EXPECT_THAT(read_settings(file, variables({}), {}).model_folders, ElementsAre("/file"));
  EXPECT_THAT(read_settings(file, environment, {}).model_folders, ElementsAre("/legacy", "/own"));
  EXPECT_THAT(read_settings(file, environment, {{"models.folders", "/flag"}}).model_folders,
              ElementsAre("/flag"));
}

TEST(Settings, ARefusalNamesItsSource) {
  EXPECT_THAT(refusal("", variables({{"PORT", "twenty"}})),
              HasSubstr("PORT: invalid value 'twenty'"));
  EXPECT_THAT(refusal("", variables({{"PORT", "65536"}})), HasSubstr("PORT"));
  EXPECT_THAT(refusal("[server]\nport = \n", variables({})), HasSubstr("settings.toml line 2"));
  EXPECT_THAT(refusal("[server]\nport = 1.5\n", variables({})), HasSubstr("server.port"));
  EXPECT_THAT(refusal("", variables({{"VRAM_MODE", "huge"}})), HasSubstr("balanced"));
}

TEST(Settings, TheQueueOfEachPriorityHasALengthOfItsOwn) {
  const auto settings = read_settings("[queue]\nmax = 10\nmax_background = 5000\n",
                                      variables({{"ATELIER_QUEUE_MAX_IMMEDIATE", "3"}}), {});
  EXPECT_THAT(settings.queue_max, ElementsAre(5000, 10, 10, 3));
  EXPECT_THAT(refusal("", variables({{"ATELIER_QUEUE_MAX_PRELOAD", "0"}})),
              HasSubstr("ATELIER_QUEUE_MAX_PRELOAD: invalid value '0'"));
}

TEST(Settings, EndedJobsAreKeptByAgeAndNumber) {
  const auto settings =
      read_settings("[jobs]\nkeep_days = 30\nkeep_max = 500\n", variables({}), {});
  EXPECT_EQ(settings.keep_jobs_days, 30);
  EXPECT_EQ(settings.keep_jobs_max, 500);
  EXPECT_EQ(read_settings("", variables({}), {}).keep_jobs_days, 0);
  EXPECT_GT(read_settings("", variables({}), {}).keep_jobs_max, 1000);
  EXPECT_THAT(refusal("[jobs]\nkeep_days = -1\n", variables({})), HasSubstr("jobs.keep_days"));
}

TEST(Settings, AnUnknownLightEngineIsRefused) {
  const auto light = [](const std::string& value) {
    return read_settings("", variables({{"ATELIER_LIGHT_ENGINE", value}}), {}).light_engine;
  };
  EXPECT_EQ(read_settings("", variables({}), {}).light_engine, "auto");
  EXPECT_EQ(light("OFF"), "off");
  EXPECT_EQ(light("cpu"), "cpu");
  EXPECT_EQ(light("/opt/Engines/mine.so"), "/opt/Engines/mine.so");
  EXPECT_THAT(refusal("[engine]\nlight = \"gpu\"\n", variables({})),
              HasSubstr("engine.light: 'gpu' is not known: choose one of auto, off, cpu"));
}

TEST(Settings, AnUnknownKeyIsReportedWithTheNearest) {
  const auto problems = [](const std::string& file) {
    return read_settings(file, variables({}), {}).problems;
  };
  EXPECT_THAT(problems("[server]\nport = 1\n"), ElementsAre());
  EXPECT_THAT(
      problems("prot = 5\n"),
      ElementsAre("settings.toml line 1: 'prot' is not a setting and was ignored (did you mean "
                  "'server.port'?)"));
  EXPECT_THAT(problems("[models]\nfolder = \"/x\"\n[sever]\nport = 1\nglue = [1]\n"),
              ElementsAre(HasSubstr("line 2: 'models.folder'"),
                          HasSubstr("'sever.glue' is not a setting and was ignored: docs/"),
                          HasSubstr("line 4: 'sever.port'")));
}

TEST(Settings, ReportTheSourceOfEachValue) {
  const auto settings =
      read_settings("[models]\ncomfyui = \"/c\"\n",
                    variables({{"MOONDREAM_MODELS_DIR", "/a"}, {"ATELIER_MODELS", "/b"}}),
                    {{"server.port", "1"}});
  EXPECT_EQ(settings.sources.at("models.comfyui"), "settings.toml, models.comfyui");
  EXPECT_EQ(settings.sources.at("models.folders"), "MOONDREAM_MODELS_DIR, ATELIER_MODELS");
  EXPECT_EQ(settings.sources.at("server.port"), "--port");
  EXPECT_FALSE(settings.sources.contains("server.host"));
}

TEST(Settings, AListMayBeWrittenAsAList) {
  const auto settings = read_settings(
      "[models]\nfolders = [\"/a\", \"/b\"]\nhuggingface = \"off\"\n", variables({}), {});
  EXPECT_THAT(settings.model_folders, ElementsAre("/a", "/b"));
  EXPECT_EQ(settings.huggingface, "");
}

TEST(Settings, UnknownModelsAreTheDefaultUnlessRefusalIsSet) {
  const auto read = [](const std::string& file) {
    return read_settings(file, [](const std::string&) { return std::optional<std::string>{}; },
                         {{"home", "/h"}});
  };
  EXPECT_FALSE(read("").refuse_unknown_models);
  EXPECT_FALSE(read("[models]\nunknown = 'default'").refuse_unknown_models);
  EXPECT_TRUE(read("[models]\nunknown = 'refuse'").refuse_unknown_models);
  EXPECT_THROW(read("[models]\nunknown = 'perhaps'"), Error);
}

}  // namespace
}  // namespace atelier::domain
