// Rows of parameter tables that are the same in several tasks. Pure, any thread.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "card/task.h"

namespace atelier::card {

// The id of a model of the task.
inline Parameter model_row() {
  return {.name = std::string(kModelMember),
          .kind = "model",
          .title = "Model",
          .help = "Id of an installed model; empty: the default"};
}

// The member `seed`, 64 bits without a sign.
inline Parameter seed_row() {
  return {.name = std::string(kSeedMember),
          .kind = "integer",
          .title = "Seed",
          .help = "The same seed makes the same picture; empty: a new one",
          .minimum = 0,
          .maximum = 18446744073709551615.0,
          .step = 1};
}

inline constexpr std::string_view kDtypeMember = "dtype";

inline Parameter dtype_row() {
  return {.name = std::string(kDtypeMember),
          .kind = "choice",
          .title = "Number format",
          .help = "Of the computation; empty: the fastest of the device",
          .choices = {"fp32", "bf16", "fp16"}};
}

// The rows as a form offers them on a device that computes in `dtypes`; empty: it is not known yet.
inline std::vector<Parameter> offered(std::vector<Parameter> rows,
                                      const std::vector<std::string>& dtypes) {
  for (auto& row : rows) {
    if (row.name != kDtypeMember || dtypes.empty()) continue;
    std::erase_if(row.choices, [&](const std::string& choice) {
      return std::ranges::find(dtypes, choice) == dtypes.end();
    });
  }
  return rows;
}

}  // namespace atelier::card
