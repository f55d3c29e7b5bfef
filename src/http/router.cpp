#include "http/router.h"

#include <optional>
#include <utility>

namespace atelier::http {
namespace {

std::string_view next_segment(std::string_view& rest) {
  if (rest.starts_with('/')) rest.remove_prefix(1);
  const std::size_t end = rest.find('/');
  const std::string_view segment = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end);
  return segment;
}

struct PatternMatch {
  Fields parameters;
  int fixed_segments = 0;
};

std::optional<PatternMatch> match(std::string_view pattern, std::string_view path) {
  PatternMatch result;
  if (pattern == path) return PatternMatch{{}, 1000};
  while (!pattern.empty()) {
    const std::string_view wanted = next_segment(pattern);
    if (wanted.starts_with('{') && wanted.ends_with("...}")) {
      result.parameters.emplace_back(wanted.substr(1, wanted.size() - 5),
                                     path.starts_with('/') ? path.substr(1) : path);
      return result;
    }
    if (path.empty()) return std::nullopt;
    const std::string_view given = next_segment(path);
    if (wanted.starts_with('{') && wanted.ends_with('}')) {
      if (given.empty()) return std::nullopt;
      result.parameters.emplace_back(wanted.substr(1, wanted.size() - 2), given);
    } else if (wanted == given) {
      ++result.fixed_segments;
    } else {
      return std::nullopt;
    }
  }
  if (!path.empty()) return std::nullopt;
  return result;
}

void add_method(std::string& list, std::string_view method) {
  if (!list.empty()) list += ", ";
  list += method;
  if (method == "GET") list += ", HEAD";
}

}  // namespace

RouteMatch find_route(const std::vector<Route>& routes, std::string_view method,
                      std::string_view path) {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  RouteMatch best;
  int best_fixed = -1;
  for (const Route& route : routes) {
    auto found = match(route.pattern, path);
    if (!found) continue;
    if (route.method != wanted) {
      if (!route.pattern.ends_with("...}")) add_method(best.allowed, route.method);
      continue;
    }
    if (found->fixed_segments > best_fixed) {
      best_fixed = found->fixed_segments;
      best.route = &route;
      best.parameters = std::move(found->parameters);
    }
  }
  // The page's catch-all route does not add GET to the methods of a POST path.
  if (best.route != nullptr && best.route->pattern.ends_with("...}") && !best.allowed.empty()) {
    best.route = nullptr;
  }
  return best;
}

}  // namespace atelier::http
