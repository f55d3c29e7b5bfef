// The native API of the running station, as commands use it. One thread. Failures: Error with the
// station's own sentence.
#pragma once

#include <memory>
#include <string>

#include "app/http_client.h"
#include "domain/jobs/field_names.h"
#include "domain/settings/settings.h"

namespace atelier::app {

// Of the station that holds this home folder; null when none answers.
std::unique_ptr<HttpClient> find_station_api(const domain::Settings& settings);

// The body of a reply. Throws the failure that it reports; its fields are renamed from the native
// API's spelling to that of `names`.
std::string checked(const HttpReply& reply, const std::string& url,
                    const domain::FieldNames& names = {});

// The member that the native API spells so.
std::string member_of(std::string field);

}  // namespace atelier::app
