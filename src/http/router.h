// Finds the route of a request. Immutable after construction, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/route.h"

namespace atelier::http {

struct RouteMatch {
  const Route* route = nullptr;  // null: nothing here
  Fields parameters;
  std::string allowed;  // "GET, HEAD": methods of the path, when it is known and the method is not
};

// `method` HEAD finds GET routes. Fixed segments take precedence over parameters.
RouteMatch find_route(const std::vector<Route>& routes, std::string_view method,
                      std::string_view path);

}  // namespace atelier::http
