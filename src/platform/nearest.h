// Which known names a person may have meant by an unknown one. Pure, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::platform {

// Characters to change, insert, delete or exchange with their neighbour.
std::size_t edit_distance(std::string_view from, std::string_view to);

// Those of `known` that are similar to `name`, the nearest first; may be empty.
std::vector<std::string> near_names(std::string_view name, const std::vector<std::string>& known,
                                    std::size_t count_max = 3);

}  // namespace atelier::platform
