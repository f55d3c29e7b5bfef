// The output writers that exist. Any thread.
#pragma once

#include "scheduler/outputs/output_writer.h"

namespace atelier::scheduler {

OutputWriter picture_writer();

}  // namespace atelier::scheduler
