// Our own note inside a picture: everything that made it, as JSON, beside the A1111 text. Any
// thread.
#pragma once

#include <string>

#include "card/generation.h"

namespace atelier::domain {

std::string write_picture_record(const std::string& job, const card::GenerationUsed& used,
                                 int index);

}  // namespace atelier::domain
