// The one place where libtorch's exceptions become the project's. Called around every entry of the
// engine library; passes atelier::Error through unchanged.
#pragma once

#include <functional>
#include <string>

namespace atelier::engine {

// Runs `work`; a failure inside libtorch, or a lack of memory, leaves as atelier::Error. `doing`
// completes the sentence: "making a 512x512 picture with 'id'".
void with_failures_described(const std::string& doing, const std::function<void()>& work);

}  // namespace atelier::engine
