// The only `catch` of the HTTP layer around its own code: exceptions of a handler become a reply.
// Called on the I/O thread and on the pool.
#pragma once

#include <functional>
#include <string_view>

#include "http/route.h"

namespace atelier::http {

using Log = std::function<void(std::string_view)>;

// Failures are answered in the shape of the path's family; unexpected ones are logged too.
Outcome guarded(std::string_view path, const Log& log, const std::function<Outcome()>& run);

}  // namespace atelier::http
