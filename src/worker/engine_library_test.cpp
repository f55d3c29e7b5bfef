#include "worker/engine_library.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "platform/error.h"

namespace atelier::worker {
namespace {

std::string failure_of(const std::function<void()>& work, ErrorCode expected) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), expected);
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(EngineLibrary, AMissingOneNamesThePlacesSearched) {
  const std::string sentence =
      failure_of([] { find_engine_library("cuda", "/opt/atelier/bin"); }, ErrorCode::kNotFound);
  EXPECT_NE(sentence.find("/opt/atelier/lib/libatelier-engine-cuda.so"), std::string::npos)
      << sentence;
}

TEST(EngineLibrary, IsFoundBesideTheProgramAndByPath) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "engine_test";
  std::filesystem::create_directories(folder);
  const auto library = folder / "libatelier-engine-odd.so";
  std::ofstream(library) << "not a library";
  EXPECT_EQ(find_engine_library("odd", folder), library);
  EXPECT_EQ(find_engine_library(library.string(), "/"), library);
  const std::string sentence =
      failure_of([&] { load_engine(library, {}); }, ErrorCode::kUnsupported);
  EXPECT_NE(sentence.find("cannot be loaded"), std::string::npos) << sentence;
}

TEST(EngineLibrary, AutoIsTheGpuWhereLibraryAndDriverAreThere) {
  const std::filesystem::path root =
      std::filesystem::path(testing::TempDir()) / ("auto_test_" + std::to_string(::getpid()));
  std::filesystem::remove_all(root);
  const auto programs = root / "bin", libraries = root / "lib";
  std::filesystem::create_directories(programs);
  std::filesystem::create_directories(libraries);
  EXPECT_EQ(choose_engine("auto", programs, true), "cpu");
  std::ofstream(libraries / "libatelier-engine-cuda.so") << "a library";
  EXPECT_EQ(choose_engine("auto", programs, true), "cuda");
  EXPECT_EQ(choose_engine("auto", programs, false), "cpu");
  EXPECT_EQ(choose_engine("fake", programs, true), "fake");
}

TEST(EngineLibrary, ALibraryWithoutTheEnginesSymbolsIsRefused) {
  const std::string sentence =
      failure_of([] { load_engine("libm.so.6", {}); }, ErrorCode::kUnsupported);
  EXPECT_NE(sentence.find("is not an engine library"), std::string::npos) << sentence;
}

}  // namespace
}  // namespace atelier::worker
