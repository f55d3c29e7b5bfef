// `seed` and `seed_text` of a request. Any thread; throws kInvalidArgument with a JSON pointer.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "card/seed.h"

namespace atelier::http {

// Brings the two together in `seed`: a number, or null for any. `place` is the pointer of the
// object that holds them. A client in JavaScript that sends back what it has read sends a rounded
// `seed`: the text counts, and a number that is another one even when rounded is refused.
void settle_seed(boost::json::object& fields, const std::string& place,
                 card::NegativeSeeds negative);

}  // namespace atelier::http
