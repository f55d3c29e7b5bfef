// The JSON text written into a picture beside the A1111 text: all values that were used. Any
// thread.
#pragma once

#include <string>

#include "card/tasks/generate.h"

namespace atelier::card {

std::string write_picture_record(const std::string& job, const GenerationUsed& used, int index);

}  // namespace atelier::card
