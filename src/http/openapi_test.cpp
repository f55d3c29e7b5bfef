#include "http/openapi.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "card/all_tasks.h"
#include "card/tasks/generate.h"
#include "card/validation.h"
#include "http/endpoints/all_endpoints.h"
#include "http/failure.h"
#include "http/server.h"
#include "tests/doubles/scheduler_double.h"

namespace atelier::http {
namespace {

// The page's types are made from this copy. After a change of the API:
// ATELIER_UPDATE=1 ctest -R http_parts_test, then npm run types.
TEST(OpenApi, TheCommittedCopyIsCurrent) {
  const std::string path = std::string{ATELIER_SOURCE_DIR} + "/web/openapi.json";
  const std::string document = openapi_document();
  if (std::getenv("ATELIER_UPDATE") != nullptr) std::ofstream{path} << document;
  std::ifstream file{path};
  const std::string copy{std::istreambuf_iterator<char>{file}, {}};
  EXPECT_TRUE(copy == document) << path << " is stale: run this test once with ATELIER_UPDATE=1";
}

void collect_references(const boost::json::value& value, std::set<std::string>& references) {
  if (value.is_array()) {
    for (const auto& item : value.get_array()) collect_references(item, references);
  }
  if (!value.is_object()) return;
  for (const auto& [key, item] : value.get_object()) {
    if (key == "$ref") references.insert(std::string{item.as_string()});
    collect_references(item, references);
  }
}

TEST(OpenApi, EveryReferenceLeadsSomewhere) {
  const auto document = boost::json::parse(openapi_document());
  std::set<std::string> references;
  collect_references(document, references);
  EXPECT_GT(references.size(), 5U);
  const auto& schemas = document.at("components").at("schemas").as_object();
  for (const auto& reference : references) {
    EXPECT_TRUE(schemas.contains(reference.substr(reference.rfind('/') + 1))) << reference;
  }
}

// The fields of an error are those of the document.
TEST(OpenApi, RefusalsHaveTheDocumentedFields) {
  const auto document = boost::json::parse(openapi_document());
  const auto& schemas = document.at("components").at("schemas").as_object();
  for (const auto& [path, schema] : {std::pair{"/api/v1/jobs", "Problem"},
                                     {"/v1/images/generations", "OpenAiFailure"},
                                     {"/v1/generate", "Failure"}}) {
    const auto sent = boost::json::parse(refusal(path, 400, "invalid_argument", "no").body);
    const auto& documented = schemas.at(schema).at("properties").as_object();
    EXPECT_EQ(documented.size(), sent.as_object().size()) << path;
    for (const auto& [field, value] : sent.as_object()) {
      ASSERT_TRUE(documented.contains(field)) << path << " " << field;
      const std::string_view type = value.is_string()  ? "string"
                                    : value.is_int64() ? "integer"
                                                       : "object";
      EXPECT_EQ(documented.at(field).at("type").as_string(), type) << path << " " << field;
    }
  }
}

TEST(OpenApi, TheFieldsOfAGenerationAreDescribed) {
  const auto document = boost::json::parse(openapi_document());
  const auto& schemas = document.at("components").at("schemas").as_object();
  for (const char* schema : {"GenerateInput", "ImageBody"}) {
    const auto& fields = schemas.at(schema).at("properties").as_object();
    for (const auto& [field, description] : fields) {
      EXPECT_TRUE(description.as_object().contains("description")) << schema << " " << field;
    }
    EXPECT_EQ(fields.at("steps").at("maximum").as_int64(), 1000);
    EXPECT_EQ(fields.at("fit").at("enum").as_array().size(), 3U);
  }
}

// Example bodies of the document are accepted unchanged.
TEST(OpenApi, ExamplesAreBodiesThatAreAccepted) {
  const auto document = boost::json::parse(openapi_document());
  SchedulerDouble scheduler;
  const ServerSettings settings;
  const auto routes = all_endpoints();
  Service service{scheduler, settings, routes};
  int examples = 0;
  for (const Route& route : routes) {
    if (route.example.is_null()) continue;
    ++examples;
    const auto& operation = document.at("paths").at(route.pattern).at("post");
    const auto& media = operation.at("requestBody").at("content").at("application/json");
    Request request;
    request.path = route.pattern;
    request.body = Body(boost::json::serialize(media.at("example")));
    Outcome outcome = route.function(request, service);
    while (auto* later = std::get_if<Later>(&outcome)) {
      Next next;
      auto start = later->start;
      start([&next](Next come) { next = std::move(come); });
      outcome = next();
    }
    const auto jobs = scheduler.submitted();
    ASSERT_EQ(jobs.size(), static_cast<std::size_t>(examples)) << route.pattern;
    EXPECT_TRUE(jobs.back().input.warnings.empty()) << route.pattern;
    EXPECT_NO_THROW(card::check_input(jobs.back().input.parameters,
                                      scheduler.models().models->front().card, {}));
  }
  EXPECT_EQ(examples, 4);
}

// Every row of the task's table is described by the row's texts.
TEST(OpenApi, TheInputOfATaskIsDescribedByItsRows) {
  const auto document = boost::json::parse(openapi_document());
  const auto& schemas = document.at("components").at("schemas").as_object();
  const auto& fields = schemas.at("GenerateInput").at("properties").as_object();
  for (const auto& row : card::generate_task().parameters) {
    EXPECT_TRUE(
        std::string_view{fields.at(row.name).at("description").as_string()}.starts_with(row.help))
        << row.name;
  }
  EXPECT_EQ(fields.at("width").at("multipleOf"), 8);
  EXPECT_EQ(fields.at("width").at("type").at(1), "null");
  EXPECT_EQ(fields.at("batch").at("default"), 1);
  EXPECT_EQ(fields.at("dtype").at("enum").as_array().size(), 4U);  // and ""
  EXPECT_TRUE(fields.contains("seed_text"));
  EXPECT_TRUE(fields.contains("mask"));
  EXPECT_FALSE(fields.at("seed").as_object().contains("maximum"));  // readers would round it
  const auto& body = schemas.at("NewJobBody").at("properties").as_object();
  EXPECT_EQ(body.at("input").at("anyOf").as_array().size(), card::all_tasks().size());
}

TEST(OpenApi, EveryRouteIsDescribed) {
  const auto document = boost::json::parse(openapi_document());
  const auto& paths = document.at("paths").as_object();
  for (const Route& route : all_endpoints()) {
    EXPECT_FALSE(route.summary.empty()) << route.pattern;
    const bool is_page = route.pattern.ends_with("...}");
    EXPECT_TRUE(is_page || paths.contains(route.pattern)) << route.pattern;
  }
}

TEST(OpenApi, ABodyAndTheInputOfItsTaskAreTwoComponents) {
  const auto document = boost::json::parse(openapi_document());
  const auto& schemas = document.at("components").at("schemas").as_object();
  const auto members = [&](const char* name) {
    return schemas.at(name).at("properties").as_object();
  };
  EXPECT_TRUE(members("ClassifyBody").contains("image_url"));
  EXPECT_FALSE(members("ClassifyInput").contains("image_url"));
  EXPECT_TRUE(members("UpscaleInput").contains("dtype"));
  EXPECT_FALSE(members("UpscaleBody").contains("dtype"));
  EXPECT_TRUE(members("UpscaleBody").contains("image_url"));
}

}  // namespace
}  // namespace atelier::http
