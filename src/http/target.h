// The target of a request line, made usable: "/v1/v1/models?x=%41" becomes the path "/v1/models"
// and {x, A}. Pure, any thread. Throws kInvalidArgument for what no client sends on purpose.
#pragma once

#include <string>
#include <string_view>

#include "http/message.h"

namespace atelier::http {

struct Target {
  std::string path;
  std::string authority;  // of an absolute-form target ("GET http://name/…"), else ""
  Fields query;
};

// One gallery client joins an address that ends in /v1 with paths that begin with it, so a repeated
// /v1 counts once; doubled and closing slashes are dropped.
Target read_target(std::string_view text);

}  // namespace atelier::http
