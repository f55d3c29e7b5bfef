#include "engine/tokenizers/clip_merges.h"

#include <cstddef>

// The assembler puts the file into the object as it is: an array literal of half a megabyte takes
// the compiler seconds.
__asm__(
    ".section .rodata\n"
    ".global atelier_clip_merges\n"
    ".hidden atelier_clip_merges\n"
    "atelier_clip_merges:\n"
    ".incbin \"" ATELIER_CLIP_MERGES
    "\"\n"
    ".global atelier_clip_merges_end\n"
    ".hidden atelier_clip_merges_end\n"
    "atelier_clip_merges_end:\n"
    ".byte 0\n"
    ".previous\n");

extern "C" {
extern const char atelier_clip_merges[] __attribute__((visibility("hidden")));
extern const char atelier_clip_merges_end[] __attribute__((visibility("hidden")));
}

namespace atelier::engine {

std::string_view clip_merges_text() {
  return {atelier_clip_merges,
          static_cast<std::size_t>(atelier_clip_merges_end - atelier_clip_merges)};
}

}  // namespace atelier::engine
