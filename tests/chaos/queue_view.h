// What a station at rest must show: its queue, its lists and its processes agree. Test thread.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "station_life.h"

namespace atelier::chaos {

// Every job that the list has with this query ("state=queued"; "" is all of them).
std::vector<boost::json::value> listed(StationLife& station, const std::string& query);

// "": the workers are idle, the counts of the queue are those of the lists, and each child lives.
// To be repeated: jobs end meanwhile.
std::string why_not_at_rest(StationLife& station);

}  // namespace atelier::chaos
