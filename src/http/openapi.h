// The OpenAPI 3.1 document of a list of routes. Pure, any thread.
#pragma once

#include <string>
#include <vector>

#include "http/route.h"

namespace atelier::http {

// With line breaks and in a fixed order, so that the committed copy gives readable differences.
std::string openapi_document(const std::vector<Route>& routes);

}  // namespace atelier::http
