// The one place where libvips' exceptions become the project's.
#pragma once

#include <functional>
#include <string>

namespace atelier::codec {

// Runs `work`; a failure of libvips leaves as kCorruptData: "<what failed>: <libvips' first line>".
void with_failures_described(const std::string& what, const std::function<void()>& work);

}  // namespace atelier::codec
