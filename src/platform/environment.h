// Which of a process's environment variables its children get: those that a program needs to find
// its libraries, its language and its devices. Keys of the station (ATELIER_API_KEY, HF_TOKEN, a
// cloud's secrets) are not among them. Called by process.cpp; never fails.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace atelier::platform {

bool children_inherit(std::string_view name);

// "NAME=value" of every inherited entry of `parent` (as `environ`, ended by null), with `additions`
// added or put in its place.
std::vector<std::string> child_environment(const char* const* parent,
                                           const std::map<std::string, std::string>& additions);

}  // namespace atelier::platform
