// Our own note inside a picture: everything that made it, as JSON, beside the A1111 text. Any
// thread.
#pragma once

#include <string>

#include "card/tasks/generate.h"

namespace atelier::card {

std::string write_picture_record(const std::string& job, const GenerationUsed& used, int index);

}  // namespace atelier::card
