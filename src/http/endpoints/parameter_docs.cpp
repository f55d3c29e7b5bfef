#include "http/endpoints/parameter_docs.h"

#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

namespace atelier::http {
namespace {

namespace bj = boost::json;

constexpr double kExact = 9007199254740992.0;  // 2^53: readers of the document round larger numbers

// Whole numbers without a fraction, which the type of the member may not have.
bj::value number_of(double number) {
  if (std::abs(number) > kExact || number != std::floor(number)) return number;
  return static_cast<std::int64_t>(number);
}

void add_range(const card::Parameter& row, bj::object& docs) {
  if (row.minimum) {
    docs[row.exclusive_minimum ? "exclusiveMinimum" : "minimum"] = number_of(*row.minimum);
  }
  if (row.maximum && *row.maximum <= kExact) docs["maximum"] = number_of(*row.maximum);
  if (row.kind == "integer" && row.step && *row.step > 1) {
    docs["multipleOf"] = number_of(*row.step);
  }
}

void add_choices(const card::Parameter& row, const bj::value& usual, bj::object& docs) {
  if (row.choices.empty()) return;
  bj::array choices;
  if (usual == bj::value("")) choices.emplace_back("");
  for (const auto& choice : row.choices) choices.emplace_back(choice);
  docs["enum"] = std::move(choices);
}

std::string_view json_type(std::string_view kind) {
  return kind == "integer" || kind == "number" || kind == "boolean" ? kind : "string";
}

// Of a member without a row.
std::string_view json_type(const bj::value& usual) {
  if (usual.is_bool()) return "boolean";
  if (usual.is_double()) return "number";
  if (usual.is_number()) return "integer";
  if (usual.is_string()) return "string";
  return "";
}

bj::object member_schema(const card::Parameter* row, const bj::value& usual) {
  const auto type = row != nullptr ? json_type(row->kind) : json_type(usual);
  bj::object schema;
  if (usual.is_null() && !type.empty()) {
    schema["type"] = bj::array{type, "null"};
  } else if (!type.empty()) {
    schema["type"] = type;
  }
  if (row == nullptr) return schema;
  for (const auto& [key, value] : docs_of(*row, usual)) schema[key] = value;
  return schema;
}

// A seed is any where it is -1 or not sent; its text is exact where its number may be rounded.
void add_seed(bj::object& properties) {
  auto& seed = properties.at(card::kSeedMember).as_object();
  seed["minimum"] = -1;
  seed["description"] = std::string(seed.at("description").as_string()) + ", as -1 does";
  bj::object text{{"type", bj::array{"string", "null"}}};
  for (const auto& [key, value] : seed_text_docs()) text[key] = value;
  properties["seed_text"] = std::move(text);
}

// "remove_background" → "RemoveBackgroundInput"
std::string component_of(std::string_view task) {
  std::string name;
  bool first = true;
  for (const char character : task) {
    if (character != '_') {
      const bool small = character >= 'a' && character <= 'z';
      name += first && small ? static_cast<char>(character - 'a' + 'A') : character;
    }
    first = character == '_';
  }
  return name + "Input";
}

std::string_view becomes_of(card::Transparency transparency) {
  switch (transparency) {
    case card::Transparency::kKept:
      break;
    case card::Transparency::kOnMatte:
      return "; its transparent parts are composited on the matte, white where there is none";
    case card::Transparency::kOnBlack:
      return "; its transparent parts count as black";
  }
  return "";
}

}  // namespace

bj::object docs_of(const card::Parameter& row, const bj::value& usual) {
  bj::object docs{{"description", row.help + (row.unit.empty() ? "" : " (" + row.unit + ")")}};
  add_range(row, docs);
  add_choices(row, usual, docs);
  if (!usual.is_null() && usual != bj::value("")) docs["default"] = usual;
  return docs;
}

bj::object docs_of(const card::Attachment& attachment) {
  auto help = attachment.title + "; base64 or a data URL, never an address";
  help += becomes_of(attachment.transparency);
  if (attachment.frames_max > 1) {
    help += "; up to " + std::to_string(attachment.frames_max) +
            " frames of an animated picture are used";
  }
  if (!attachment.needs.empty()) help += "; needs '" + attachment.needs + "'";
  if (attachment.required) help += "; required";
  return {{"description", std::move(help)}};
}

bj::object seed_text_docs() {
  return {{"description",
           "The seed as text, exact where JavaScript would round the number; it is used before "
           "seed"}};
}

Schema task_body_schema(const card::TaskDescription& task) {
  return [&task](SchemaBook& book) -> bj::object {
    const auto name = component_of(task.id);
    const card::TaskInput usual(task, bj::object{});
    bj::object properties;
    for (const auto& [member, value] : usual.members()) {
      properties[member] = member_schema(card::find_parameter(task.parameters, member), value);
    }
    if (card::find_parameter(task.parameters, "seed") != nullptr) add_seed(properties);
    for (const auto& attachment : task.attachments) {
      auto schema = docs_of(attachment);
      schema["type"] = "string";
      properties[attachment.role] = std::move(schema);
    }
    book[name] = {
        {"type", "object"}, {"description", task.summary}, {"properties", std::move(properties)}};
    return {{"$ref", "#/components/schemas/" + name}};
  };
}

Schema with_docs(Schema schema, std::string component, FieldDocs docs) {
  return [schema = std::move(schema), component = std::move(component),
          docs = std::move(docs)](SchemaBook& book) {
    auto reference = schema(book);
    auto& properties = book.at(component).at("properties").as_object();
    for (const auto& [field, note] : docs) {
      auto& property = properties.at(field).as_object();
      for (const auto& [key, value] : note) property[key] = value;
    }
    return reference;
  };
}

}  // namespace atelier::http
