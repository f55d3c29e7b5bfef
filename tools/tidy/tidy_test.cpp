// The house rules, applied to the project as it stands; and proof that each rule sees what it is
// for.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <iostream>
#include <set>
#include <sstream>

#include "files.h"
#include "prose.h"
#include "rules.h"

namespace atelier::tidy {
namespace {

const std::filesystem::path kRoot = ATELIER_SOURCE_DIR;
const std::filesystem::path kData = kRoot / "tools/tidy";

struct Project {
  std::vector<ListedFile> files;
  std::vector<SourceFile> sources;
};

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

const Project& project() {
  static const Project read = [] {
    Project project{list_files(kRoot), {}};
    for (const ListedFile& file : project.files) {
      if (ends_with(file.path, ".cpp") || ends_with(file.path, ".h")) {
        project.sources.push_back(parse_source(file.path, read_text(kRoot / file.path)));
      }
    }
    return project;
  }();
  return read;
}

std::vector<TableRow> table(const char* name) { return parse_table(read_data_lines(kData / name)); }

std::string sentences(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text += "\n  " + finding.path + (finding.line > 0 ? ":" + std::to_string(finding.line) : "") +
            ": " + finding.message;
  }
  return text;
}

std::vector<Finding> over_sources(
    const std::function<std::vector<Finding>(const SourceFile&)>& rule) {
  std::vector<Finding> all;
  for (const SourceFile& source : project().sources) {
    for (Finding& finding : rule(source)) all.push_back(std::move(finding));
  }
  return all;
}

void expect_none(const std::vector<Finding>& findings) {
  EXPECT_TRUE(findings.empty()) << findings.size() << " findings:" << sentences(findings);
}

TEST(Tidy, IncludesFollowTheTable) {
  const auto rows = table("include_table.txt");
  expect_none(over_sources([&](const SourceFile& file) { return check_includes(file, rows); }));
}

TEST(Tidy, LibrariesStayWhereTheyBelong) {
  const auto rows = table("libraries.txt");
  expect_none(over_sources([&](const SourceFile& file) { return check_libraries(file, rows); }));
}

TEST(Tidy, CatchStandsAtTheEdgesOnly) {
  const auto rows = table("catch_allowed.txt");
  expect_none(over_sources([&](const SourceFile& file) { return check_catch(file, rows); }));
}

TEST(Tidy, TextsAreCutBetweenCodePoints) { expect_none(over_sources(check_cuts)); }

TEST(Tidy, NoLayerNamesATask) {
  const auto ids = task_ids(project().sources);
  ASSERT_FALSE(ids.empty());
  const auto dialects = table("dialects.txt");
  expect_none(over_sources(
      [&](const SourceFile& file) { return check_task_literals(file, ids, dialects); }));
}

TEST(Tidy, NamesSaySomething) {
  std::vector<Finding> all;
  for (const ListedFile& file : project().files) {
    for (Finding& finding : check_words(file.path)) all.push_back(std::move(finding));
  }
  expect_none(all);
}

TEST(Tidy, ProseIsPlain) {
  const ProseRules rules = parse_prose(read_data_lines(kData / "prose.txt"));
  std::vector<Finding> all;
  const auto check = [&](const SourceFile& file) {
    if (!is_swept(file.path, rules)) return;
    for (Finding& finding : check_prose(file, rules)) all.push_back(std::move(finding));
  };
  for (const SourceFile& source : project().sources) check(source);
  for (const ListedFile& file : project().files) {
    if (!ends_with(file.path, ".md")) continue;
    SourceFile document = parse_source(file.path, read_text(kRoot / file.path));
    document.code.clear();
    check(document);
  }
  expect_none(all);
}

TEST(Tidy, EverySourceHasItsTest) {
  expect_none(check_tests_exist(project().files, table("untested.txt")));
}

TEST(Tidy, EveryFolderIsOnTheMapAndSaysWhatItIs) {
  expect_none(check_folders(project().files, read_text(kRoot / "docs/architecture.md")));
}

TEST(Tidy, NoLargeFileOutsideTheStarterPack) { expect_none(check_blobs(project().files)); }

TEST(Tidy, SizesAreWithinTheGuidance) {
  // Guidance, not a limit: printed into the log.
  const std::string notes = sentences(over_sources(check_size));
  if (!notes.empty()) std::cout << "look again at:" << notes << "\n";
}

TEST(Tidy, SourcesAreFormatted) {
  if (std::system("command -v clang-format-19 >/dev/null") != 0) {
    GTEST_SKIP() << "clang-format-19 is not installed";
  }
  std::string command = "cd '" + kRoot.string() + "' && clang-format-19 --dry-run -Werror";
  for (const SourceFile& source : project().sources) command += " '" + source.path + "'";
  const auto [status, output] = run(command + " 2>&1");
  std::set<std::string> files;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t mark = line.find(": error: ");
    if (mark != std::string::npos) files.insert(line.substr(0, line.find(':')));
  }
  std::string list;
  for (const std::string& file : files) list += "\n  " + file;
  EXPECT_EQ(status, 0) << "run `make format`:" << list;
}

const std::vector<TableRow> kSmallTable = {{"platform", {}},
                                           {"http", {"platform", "scheduler/scheduler.h"}}};

TEST(TidyRules, SeeAnIncludeThatTheTableForbids) {
  const auto file = parse_source(
      "src/http/a.cpp", "#include \"engine/interface.h\"\n#include \"platform/error.h\"\n");
  const auto found = check_includes(file, kSmallTable);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].line, 1u);
}

TEST(TidyRules, AllowOneHeaderOfALayerAndNoOther) {
  EXPECT_TRUE(check_includes(parse_source("src/http/a.cpp", "#include \"scheduler/scheduler.h\"\n"),
                             kSmallTable)
                  .empty());
  EXPECT_EQ(
      check_includes(parse_source("src/http/a.cpp", "#include \"scheduler/plan.h\"\n"), kSmallTable)
          .size(),
      1u);
}

TEST(TidyRules, SeeAFolderThatTheTableDoesNotName) {
  EXPECT_EQ(check_includes(parse_source("src/extra/a.cpp", ""), kSmallTable).size(), 1u);
}

TEST(TidyRules, SeeTorchWhereItDoesNotBelong) {
  const std::vector<TableRow> libraries = {{"ATen/", {"engine"}}};
  EXPECT_EQ(check_libraries(parse_source("src/worker/a.cpp", "#include <ATen/ATen.h>\n"), libraries)
                .size(),
            1u);
  EXPECT_EQ(
      check_libraries(parse_source("src/engine/a.cpp", "#include <torch/torch.h>\n"), libraries)
          .size(),
      1u);
  EXPECT_TRUE(
      check_libraries(parse_source("src/engine/a.cpp", "#include <ATen/ATen.h>\n"), libraries)
          .empty());
}

TEST(TidyRules, SeeCatchInCodeButNotInWords) {
  const auto code =
      parse_source("src/http/a.cpp", "try { f(); } catch (const Error& e) { g(); }\n");
  EXPECT_EQ(check_catch(code, {}).size(), 1u);
  EXPECT_TRUE(check_catch(code, {{"src/http/a.cpp", {}}}).empty());
  const auto words = parse_source(
      "src/http/a.cpp",
      "// catch (all) of it\nconst char* s = \"catch (x)\"; /* catch (y)\n catch (z) */\n");
  EXPECT_TRUE(check_catch(words, {}).empty());
}

TEST(TidyRules, NeverAllowASwallowedError) {
  const auto file = parse_source("src/http/a.cpp", "try { f(); } catch (...) {}\n");
  EXPECT_EQ(check_catch(file, {{"src/http/a.cpp", {}}}).size(), 1u);
}

TEST(TidyRules, SeeACutAtANumberOfBytes) {
  EXPECT_EQ(check_cuts(parse_source("src/http/a.cpp", "f(name.substr(0, 40));\n")).size(), 1u);
  EXPECT_TRUE(check_cuts(parse_source("src/http/a.cpp", "f(id.substr(0, 2));\n")).empty());
}

TEST(TidyRules, SeeTheIdOfATask) {
  const auto ids = task_ids({parse_source("src/card/tasks/a.h", "  .id = \"sculpt\",\n")});
  ASSERT_EQ(ids, std::vector<std::string>{"sculpt"});
  const std::string code = "f(\"sculpt\"); // \"sculpt\"\n";
  EXPECT_EQ(check_task_literals(parse_source("src/scheduler/a.cpp", code), ids, {}).size(), 1u);
  EXPECT_TRUE(check_task_literals(parse_source("src/app/a.cpp", code), ids, {}).empty());
  const auto words = parse_source("src/http/a.cpp", "// \"sculpt\"\ng(\"sculptor\");\n");
  EXPECT_TRUE(check_task_literals(words, ids, {}).empty());
  EXPECT_TRUE(
      check_task_literals(parse_source("src/http/a.cpp", code), ids, {{"src/http/a.cpp", {}}})
          .empty());
}

TEST(TidyRules, SeeEmptyNames) {
  EXPECT_EQ(check_words("src/http/string_utils.cpp").size(), 1u);
  EXPECT_EQ(check_words("src/http/base.h").size(), 1u);
  EXPECT_TRUE(check_words("src/platform/base64.h").empty());
}

const ProseRules kSmallProse =
    parse_prose({"nobody -> what does not happen", "is no (unless after: there) -> is not a",
                 "- src/http/", "- docs/old.md"});

TEST(TidyRules, SeeBannedWordsInCommentsAndTextsButNotInCode) {
  const auto file = parse_source("src/json/a.cpp",
                                 "int nobody = 0;  // "
                                 "Nobody waits\n"
                                 "refuse(\"this is \"\n       \"no size\");\n"
                                 "// `nobody` is a user, nobody_waits a name\n");
  const auto found = check_prose(file, kSmallProse);
  ASSERT_EQ(found.size(), 2u) << sentences(found);
  EXPECT_EQ(found[0].line, 1u);
  EXPECT_EQ(found[1].line, 2u);
  EXPECT_NE(found[1].message.find("is not a"), std::string::npos);
}

TEST(TidyRules, AllowAPhraseBehindCertainWords) {
  EXPECT_TRUE(
      check_prose(parse_source("a.cpp", "// there is no file, it is. No: is, no\n"), kSmallProse)
          .empty());
  EXPECT_EQ(check_prose(parse_source("a.cpp", "// this is no file\n"), kSmallProse).size(), 1u);
}

TEST(TidyRules, SeeBannedWordsInDocumentsOutsideTheirCode) {
  SourceFile document =
      parse_source("docs/a.md", "it is\nno size\n```text\nnobody\n```\n`nobody`\n");
  document.code.clear();
  const auto found = check_prose(document, kSmallProse);
  ASSERT_EQ(found.size(), 1u) << sentences(found);
  EXPECT_EQ(found[0].line, 1u);
}

TEST(TidyRules, KnowWhichFoldersAreNotSwept) {
  EXPECT_FALSE(is_swept("src/http/a.cpp", kSmallProse));
  EXPECT_FALSE(is_swept("docs/old.md", kSmallProse));
  EXPECT_TRUE(is_swept("src/httpd.cpp", kSmallProse));
}

TEST(TidyRules, SeeASourceWithoutATest) {
  const std::string test = "src/http/b_test.cpp";
  const std::vector<ListedFile> files = {{"src/http/a.cpp", 1}, {"src/http/b.cpp", 1}, {test, 1}};
  EXPECT_EQ(check_tests_exist(files, {}).size(), 1u);
  EXPECT_TRUE(check_tests_exist(files, {{"src/http/a.cpp", {test}}}).empty());
  EXPECT_TRUE(check_tests_exist(files, {{"src/http/", {test}}}).empty());
}

TEST(TidyRules, SeeAnExcuseThatNoLongerHolds) {
  const std::string test = "src/http/a_test.cpp";
  const std::vector<ListedFile> files = {{"src/http/a.cpp", 1}, {test, 1}};
  EXPECT_EQ(check_tests_exist(files, {{"src/http/gone.cpp", {test}}}).size(), 1u);
  EXPECT_EQ(check_tests_exist(files, {{"src/http/a.cpp", {"src/http/gone_test.cpp"}}}).size(), 1u);
}

TEST(TidyRules, SeeAFolderOffTheMap) {
  const std::vector<ListedFile> files = {{"src/http/a.cpp", 1}, {"src/http/README.md", 1}};
  EXPECT_EQ(check_folders(files, "nothing").size(), 1u);
  EXPECT_TRUE(check_folders(files, "| `http/` | the server |").empty());
}

TEST(TidyRules, SeeALargeFile) {
  EXPECT_EQ(check_blobs({{"docs/big.png", 2 << 20}}).size(), 1u);
  EXPECT_TRUE(check_blobs({{"starter/big.safetensors", 2 << 20}}).empty());
}

}  // namespace
}  // namespace atelier::tidy
