// What the document says about the fields of requests beyond their types: meaning, range, choices.
// The ranges are the rules' own (domain/settings/limits.h). Pure.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <string>

#include "http/schema.h"

namespace atelier::http {

using FieldNotes = std::map<std::string, boost::json::object>;  // field → what its schema gains

const FieldNotes& generation_notes();  // of card::GenerationInput, with `image` and `mask`
const FieldNotes& image_notes();       // of the founding image paths' body

// The schema, with the notes added to the component of that name.
Schema with_notes(Schema schema, std::string component, const FieldNotes& notes);

}  // namespace atelier::http
