#include "http/openapi.h"

#include <algorithm>

#include "domain/settings/limits.h"
#include "http/endpoints/all_endpoints.h"
#include "http/failure.h"
#include "http/sender.h"
#include "http/server.h"

namespace atelier::http {
namespace {

namespace bj = boost::json;

void write_indented(const bj::value& value, std::string& out, std::size_t depth) {
  const std::string indent(2 * depth, ' ');
  const auto list = [&](char open, char close, const auto& items, auto write_item) {
    out += open;
    bool first = true;
    for (const auto& item : items) {
      out += first ? "\n" : ",\n";
      first = false;
      out += indent + "  ";
      write_item(item);
    }
    out += first ? std::string{} : "\n" + indent;
    out += close;
  };
  if (value.is_object()) {
    list('{', '}', value.get_object(), [&](const auto& item) {
      out += bj::serialize(item.key()) + ": ";
      write_indented(item.value(), out, depth + 1);
    });
  } else if (value.is_array()) {
    list('[', ']', value.get_array(),
         [&](const auto& item) { write_indented(item, out, depth + 1); });
  } else {
    out += bj::serialize(value);
  }
}

std::string operation_id(const Route& route) {
  std::string id = route.method;
  std::ranges::transform(id, id.begin(), [](char c) { return static_cast<char>(c | 0x20); });
  for (char character : route.pattern) {
    if (character == '{' || character == '}') continue;
    const bool word =
        (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9');
    id += word ? character : '_';
  }
  return id;
}

bj::array parameters_of(const Route& route) {
  bj::array parameters;
  std::string_view rest = route.pattern;
  for (std::size_t open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
    rest.remove_prefix(open + 1);
    parameters.push_back(bj::object{{"name", rest.substr(0, rest.find('}'))},
                                    {"in", "path"},
                                    {"required", true},
                                    {"schema", bj::object{{"type", "string"}}}});
  }
  for (const auto& field : route.query) {
    bj::object parameter{{"name", field.name}, {"in", "query"}, {"description", field.help}};
    bj::object schema{{"type", "string"}};
    if (!field.one_of.empty()) {
      bj::array names;
      for (const auto& name : field.one_of) names.emplace_back(name);
      schema["enum"] = std::move(names);
      bj::object list{{"type", "array"}, {"items", std::move(schema)}};
      schema = std::move(list);
      parameter["style"] = "form";
      parameter["explode"] = false;
    }
    parameter["schema"] = std::move(schema);
    parameters.push_back(std::move(parameter));
  }
  if (route.submits_jobs) {
    parameters.push_back(bj::object{
        {"name", kRequestKeyHeader},
        {"in", "header"},
        {"description",
         "The same key from the same client within 24 hours means the same job; 409 where it came "
         "with another request before"},
        {"schema", bj::object{{"type", "string"},
                              {"minLength", 1},
                              {"maxLength", domain::limits::kRequestKeyBytesMax}}}});
  }
  return parameters;
}

std::string_view failure_schema(Family family) {
  switch (family) {
    case Family::kNative:
      return "Problem";
    case Family::kOpenAi:
      return "OpenAiFailure";
    case Family::kLegacy:
      break;
  }
  return "Failure";
}

bj::object failure_of(const Route& route) {
  const Family family = family_of(route.pattern);
  const std::string reference = "#/components/schemas/" + std::string{failure_schema(family)};
  return {{"description", "A sentence that says what failed, why, and what to do"},
          {"content",
           bj::object{{family == Family::kNative ? "application/problem+json" : "application/json",
                       bj::object{{"schema", bj::object{{"$ref", reference}}}}}}}};
}

bj::object operation_of(const Route& route, SchemaBook& book) {
  bj::object success{{"description", "Success"}};
  bj::object content;
  if (route.response) content["schema"] = route.response(book);
  success["content"] = bj::object{{route.response_type, std::move(content)}};
  bj::object operation{{"tags", bj::array{route.tag}},
                       {"summary", route.summary},
                       {"operationId", operation_id(route)}};
  if (auto parameters = parameters_of(route); !parameters.empty()) {
    operation["parameters"] = std::move(parameters);
  }
  if (route.request) {
    bj::object body{{"schema", route.request(book)}};
    if (!route.example.is_null()) body["example"] = route.example;
    operation["requestBody"] = bj::object{
        {"required", true}, {"content", bj::object{{"application/json", std::move(body)}}}};
  }
  bj::object responses{{std::to_string(route.success), std::move(success)}};
  for (const auto& [status, meaning] : route.also) {
    responses[std::to_string(status)] = bj::object{{"description", meaning}};
  }
  responses["default"] = failure_of(route);
  operation["responses"] = std::move(responses);
  return operation;
}

bj::object text_fields(std::initializer_list<std::string_view> names) {
  bj::object properties;
  for (const auto name : names) properties[name] = bj::object{{"type", "string"}};
  return {{"type", "object"}, {"properties", std::move(properties)}};
}

}  // namespace

std::string openapi_document(const std::vector<Route>& routes) {
  SchemaBook book;
  bj::object paths;
  for (const Route& route : routes) {
    if (route.pattern.ends_with("...}")) continue;  // the page
    std::string method = route.method;
    std::ranges::transform(method, method.begin(),
                           [](char c) { return static_cast<char>(c | 0x20); });
    auto& path = paths[route.pattern];
    if (!path.is_object()) path = bj::object{};
    path.get_object()[method] = operation_of(route, book);
  }
  book["Problem"] = text_fields({"type", "title", "detail", "code", "field"});
  book["Problem"]["properties"].get_object()["status"] = bj::object{{"type", "integer"}};
  book["Failure"] = text_fields({"error", "detail", "status"});
  book["OpenAiFailure"] = text_fields({"detail", "status"});
  book["OpenAiFailure"]["properties"].get_object()["error"] =
      text_fields({"message", "type", "code"});
  book["OpenAiFailure"]["properties"].at("error").at("properties").get_object()["param"] =
      bj::object{{"type", "null"}};
  bj::object schemas;
  for (auto& [name, schema] : book) schemas[name] = std::move(schema);
  const bj::value document = bj::object{
      {"openapi", "3.1.0"},
      {"info", bj::object{{"title", "Atelier"},
                          {"version", "0.1.0"},
                          {"description", "A local AI image station"},
                          {"license", bj::object{{"name", "MIT"}, {"identifier", "MIT"}}}}},
      {"paths", std::move(paths)},
      {"components",
       bj::object{{"schemas", std::move(schemas)},
                  {"securitySchemes",
                   bj::object{{"key", bj::object{{"type", "http"}, {"scheme", "bearer"}}}}}}},
      {"security", bj::array{bj::object{}, bj::object{{"key", bj::array{}}}}}};
  std::string text;
  write_indented(document, text, 0);
  return text + "\n";
}

std::string openapi_document() { return openapi_document(all_endpoints()); }

}  // namespace atelier::http
