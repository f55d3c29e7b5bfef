// Which tensor of a file is which parameter of a network: the network's name -> the file's name.
#pragma once

#include <map>
#include <string>

namespace atelier::engine {

using TensorNames = std::map<std::string, std::string, std::less<>>;

}  // namespace atelier::engine
