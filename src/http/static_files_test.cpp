#include "http/static_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "platform/error.h"

namespace atelier::http {
namespace {

namespace fs = std::filesystem;

class StaticFiles : public testing::Test {
 protected:
  StaticFiles() {
    fs::create_directories(folder / "assets");
    std::ofstream{folder / "index.html"} << "page";
    std::ofstream{folder / "assets/app.js"} << "run()";
    std::ofstream{folder.parent_path() / "outside.txt"} << "secret";
    std::error_code ignored;
    fs::create_symlink(folder.parent_path() / "outside.txt", folder / "link.txt", ignored);
  }
  fs::path folder = fs::path{testing::TempDir()} / "atelier-static" / "dist";
};

TEST_F(StaticFiles, LinksThatLeaveTheFolderLeadNowhere) {
  EXPECT_THROW(static_file(folder.string(), "/link.txt", {}), Error);
}

TEST_F(StaticFiles, AFileThatTheBrowserHasIsNotSentAgain) {
  const Response first = static_file(folder.string(), "/assets/app.js", {});
  std::string tag;
  for (const auto& [name, value] : first.headers) {
    if (name == "ETag") tag = value;
  }
  ASSERT_TRUE(first.source);
  EXPECT_EQ(first.source->size(), 5U);
  Request again;
  again.headers = {{"If-None-Match", "\"other\", " + tag}};
  const Response second = static_file(folder.string(), "/assets/app.js", again);
  EXPECT_EQ(second.status, 304);
  EXPECT_FALSE(second.source);
}

TEST_F(StaticFiles, WithoutABuiltPageASentenceStandsThere) {
  EXPECT_NE(static_file("", "/", {}).body.find("make build"), std::string::npos);
  EXPECT_NE(static_file("/nowhere", "/", {}).body.find("make build"), std::string::npos);
  const auto description = static_file("", "/docs/index.html", {}).body;
  EXPECT_NE(description.find("/openapi.json"), std::string::npos);
}

}  // namespace
}  // namespace atelier::http
