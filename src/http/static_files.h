// The built page from a folder: hashed files may be cached for ever, the others are revalidated.
// Opens files (blocking): called on the pool; they are read while they are sent. Throws kNotFound;
// never leaves the folder.
#pragma once

#include <string>
#include <string_view>

#include "http/message.h"

namespace atelier::http {

// `path` as routed ("/", "/assets/index-4Xj.js"). Unknown paths without a file ending get the page
// itself, whose router knows them.
Response static_file(const std::string& folder, const std::string& path, const Request& request);

// The Content-Security-Policy of the page: requests to this station and its pictures, nothing else.
std::string_view content_security_policy();

}  // namespace atelier::http
