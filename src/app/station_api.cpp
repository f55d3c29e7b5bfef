#include "app/station_api.h"

#include <utility>

#include "app/address_file.h"
#include "json/describe.h"
#include "platform/error.h"

namespace atelier::app {

struct Problem {
  std::string detail;
  std::string field;  // as the native API spells it, also at the start of `detail`; "": none
};
BOOST_DESCRIBE_STRUCT(Problem, (), (detail, field))

namespace {

ErrorCode code_of(int status) {
  if (status == 404) return ErrorCode::kNotFound;
  if (status == 409) return ErrorCode::kConflict;
  if (status == 413) return ErrorCode::kTooLarge;
  if (status == 429) return ErrorCode::kQueueFull;
  return status < 500 ? ErrorCode::kInvalidArgument : ErrorCode::kInternal;
}

Error error_of(ErrorCode code, const Problem& problem, const domain::FieldNames& names) {
  std::string sentence = problem.detail, field = problem.field;
  if (field.empty()) return {code, std::move(sentence)};
  if (sentence.starts_with(field + ": ")) sentence.erase(0, field.size() + 2);
  field = names.of(member_of(field));
  return {code, std::move(field), std::move(sentence)};
}

// Without the key, which /health does not require.
bool answers(const std::string& url) {
  const auto reply = HttpClient(url, "").get("/health", 1000);
  return reply.status == 200 && reply.content_type.find("json") != std::string::npos &&
         reply.body.find("moondream-station") != std::string::npos;
}

}  // namespace

std::string member_of(std::string field) {
  const domain::FieldNames sent;
  if (field.starts_with(sent.prefix)) field.erase(0, sent.prefix.size());
  return field;
}

std::string checked(const HttpReply& reply, const std::string& url,
                    const domain::FieldNames& names) {
  if (reply.status == 0) {
    throw Error(ErrorCode::kInternal, "the station at " + url + " does not answer any more");
  }
  if (reply.status < 300) return reply.body;
  Problem problem{.detail = "the station answered " + std::to_string(reply.status), .field = {}};
  if (reply.content_type.find("json") != std::string::npos) {
    problem = json::read_json<Problem>(reply.body);
  }
  throw error_of(code_of(reply.status), problem, names);
}

// Only the station that holds this home folder is used: a station of another folder has other
// models and pictures.
std::unique_ptr<HttpClient> find_station_api(const domain::Settings& settings) {
  const auto url = running_address(settings.home);
  if (url.empty() || !answers(url)) return nullptr;
  return std::make_unique<HttpClient>(url, settings.api_key);
}

}  // namespace atelier::app
