#include "http/router.h"

#include <gtest/gtest.h>

namespace atelier::http {
namespace {

std::vector<Route> some_routes() {
  std::vector<Route> routes;
  const auto add = [&](const char* method, const char* pattern) {
    routes.push_back(
        {.method = method, .pattern = pattern, .tag = "", .summary = "", .function = nullptr});
  };
  add("GET", "/jobs/{id}");
  add("GET", "/jobs/latest");
  add("POST", "/jobs/{id}/cancel");
  add("GET", "/{path...}");
  return routes;
}

TEST(Router, FixedSegmentsTakePrecedenceOverParameters) {
  const auto routes = some_routes();
  EXPECT_EQ(find_route(routes, "GET", "/jobs/latest").route, &routes[1]);
  const auto match = find_route(routes, "HEAD", "/jobs/7");
  EXPECT_EQ(match.route, &routes[0]);
  EXPECT_EQ(match.parameters, (Fields{{"id", "7"}}));
}

TEST(Router, ListsTheMethodsOfAKnownPath) {
  const auto routes = some_routes();
  const auto match = find_route(routes, "GET", "/jobs/7/cancel");
  EXPECT_EQ(match.route, nullptr);
  EXPECT_EQ(match.allowed, "POST");
}

TEST(Router, OtherPathsAreThePage) {
  const auto routes = some_routes();
  const auto match = find_route(routes, "GET", "/gallery/a/b");
  EXPECT_EQ(match.route, &routes[3]);
  EXPECT_EQ(match.parameters, (Fields{{"path", "gallery/a/b"}}));
  EXPECT_EQ(find_route(routes, "GET", "/").route, &routes[3]);
  EXPECT_EQ(find_route(routes, "POST", "/gallery").route, nullptr);
}

}  // namespace
}  // namespace atelier::http
