// How the attached pictures of a request are composited, and which masks are refused. Pure, any
// thread. Failures: Error(kInvalidArgument) with the role as
// its field.
#pragma once

#include <optional>
#include <string>

#include "card/task.h"
#include "media/image/colour.h"
#include "media/image/image.h"

namespace atelier::domain {

// The colour on which the attachment is composited; nullopt: it keeps its transparency.
std::optional<media::Colour> matte_of(const card::Attachment& attachment,
                                      const card::TaskInput& input);

// A picture as it was sent, with its transparency. White parts of a mask are repainted; a mask
// whose file has transparency and that seems to follow another convention is refused.
void check_attachment(const card::Attachment& attachment, const media::Image& sent);

// The sentence for a file with `frames` frames of which the task uses the first one alone; nullopt:
// nothing is left out, or the task reports itself how many frames it used.
std::optional<std::string> frames_warning(const card::Attachment& attachment, int frames);

}  // namespace atelier::domain
