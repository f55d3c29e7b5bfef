// The list of all routes. A new resource is one file and one line in all_endpoints.cpp.
#pragma once

#include <vector>

#include "http/route.h"

namespace atelier::http {

std::vector<Route> all_endpoints();

}  // namespace atelier::http
