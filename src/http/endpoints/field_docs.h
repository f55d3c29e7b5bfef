// What the document says about the fields of requests beyond their types: meaning, range, choices.
// The ranges are the rules' own (domain/settings/limits.h). Pure.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <string>

#include "http/schema.h"

namespace atelier::http {

using FieldDocs = std::map<std::string, boost::json::object>;  // field → what its schema gains

const FieldDocs& generation_docs();  // of card::GenerationInput, with `image` and `mask`
const FieldDocs& image_docs();       // of the legacy image paths' body

// The schema, with the docs added to the component of that name.
Schema with_docs(Schema schema, std::string component, const FieldDocs& docs);

}  // namespace atelier::http
