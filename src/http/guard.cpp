#include "http/guard.h"

#include <exception>
#include <new>
#include <string>

#include "http/failure.h"
#include "platform/error.h"

namespace atelier::http {
namespace {

Response unexpected(std::string_view path, const Log& log, const std::string& what) {
  if (log) log("request to " + std::string{path} + " failed unexpectedly: " + what);
  return failure_response(
      path, Error(ErrorCode::kInternal, "the station failed unexpectedly (" + what +
                                            "): its log says more; the next request may work"));
}

}  // namespace

Outcome guarded(std::string_view path, const Log& log, const std::function<Outcome()>& run) {
  try {
    return run();
  } catch (const Error& error) {
    if (log && status_of(error.code()) >= 500) {
      log("request to " + std::string{path} + " failed: " + error.what());
    }
    return failure_response(path, error);
  } catch (const std::bad_alloc&) {
    return unexpected(path, log, "out of memory");
  } catch (const std::exception& error) {
    return unexpected(path, log, error.what());
  }
}

}  // namespace atelier::http
