// The OpenAPI descriptions of request fields beyond their types: meaning, range, default, choices.
// All of it comes from the parameter rows of the tasks. Pure.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <string>

#include "card/task.h"
#include "http/schema.h"

namespace atelier::http {

// The additions to the schema of the row's member. `usual`: the member's value where it is not
// sent.
boost::json::object docs_of(const card::Parameter& row, const boost::json::value& usual);

// For the field that carries the attachment as base64.
boost::json::object docs_of(const card::Attachment& attachment);

// The component "<Task>Body": the members of the task's input, `seed_text` where it has a seed, and
// its attachments under their roles.
Schema task_body_schema(const card::TaskDescription& task);

// For the field `seed_text` of any request.
boost::json::object seed_text_docs();

using FieldDocs = std::map<std::string, boost::json::object>;  // field → additions to its schema

// The schema, with the docs added to the component of that name.
Schema with_docs(Schema schema, std::string component, FieldDocs docs);

}  // namespace atelier::http
