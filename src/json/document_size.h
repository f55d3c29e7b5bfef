// How much of a JSON text is not part of long strings, computed without allocating: the
// memory that a document takes is many times its text where it is made of many small values
// ("0,0,0,…" takes 16 bytes per value), and hardly more than its text where it is one picture in
// base64. Any thread; needs no valid JSON and never fails.
#pragma once

#include <cstddef>
#include <string_view>

namespace atelier::json {

// Bytes outside of those strings that are longer than `long_bytes`.
std::size_t bytes_beside_long_strings(std::string_view text, std::size_t long_bytes);

}  // namespace atelier::json
