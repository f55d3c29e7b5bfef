// What becomes of the pictures that come with a request, and what they must look like. Pure, any
// thread. Failures: Error(kInvalidArgument) with the role as
// its field.
#pragma once

#include <optional>

#include "card/task.h"
#include "media/image/colour.h"
#include "media/image/image.h"

namespace atelier::domain {

// The colour on which the attachment is composited; nullopt: it keeps its transparency.
std::optional<media::Colour> matte_of(const card::Attachment& attachment,
                                      const card::TaskInput& input);

// A picture as it was sent, with its transparency. Of a mask white is repainted; one whose file has
// transparency and that means something else, as far as can be seen, is refused.
void check_attachment(const card::Attachment& attachment, const media::Image& sent);

}  // namespace atelier::domain
