#include "domain/jobs/attachment_rules.h"

#include <algorithm>
#include <cstddef>

#include "media/image/convert.h"
#include "platform/error.h"

namespace atelier::domain {
namespace {

constexpr int kHalf = 128;
constexpr int kColoured = 32;  // greater difference between a pixel's channels: not grey
constexpr std::size_t kColouredPart =
    10;  // more than one coloured pixel in so many: a picture, not a mask

struct MaskFacts {
  std::size_t white = 0;  // as the engine receives it: on black
  std::size_t transparent = 0, visible = 0, coloured = 0;

  bool shows_a_picture() const { return transparent > 0 && coloured * kColouredPart > visible; }
};

MaskFacts facts_of(const media::Image& mask) {
  MaskFacts facts;
  const media::Image seen = media::to_grey(mask);
  facts.white = static_cast<std::size_t>(
      std::ranges::count_if(seen.pixels, [](int pixel) { return pixel >= kHalf; }));
  for (std::size_t i = 0; i < mask.pixels.size(); i += 4) {
    const std::uint8_t* pixel = &mask.pixels[i];
    if (pixel[3] < kHalf) {
      ++facts.transparent;
      continue;
    }
    ++facts.visible;
    const auto [lowest, highest] = std::minmax({pixel[0], pixel[1], pixel[2]});
    if (highest - lowest > kColoured) ++facts.coloured;
  }
  return facts;
}

// The reason why a mask is refused.
std::string look_of(const MaskFacts& facts) {
  if (facts.visible == 0) return "the mask is transparent everywhere";
  if (facts.shows_a_picture()) {
    return "the mask looks like the picture itself with transparent parts (OpenAI's form, in which "
           "what is transparent is repainted)";
  }
  if (facts.transparent > 0) {
    return "the mask has no white, only dark and transparent parts: it looks like OpenAI's form, "
           "in "
           "which what is transparent is repainted, or like black painted on an empty layer (black "
           "on white)";
  }
  return "the mask has no white: it is dark everywhere";
}

}  // namespace

std::optional<media::Colour> matte_of(const card::Attachment& attachment,
                                      const card::TaskInput& input) {
  switch (attachment.transparency) {
    case card::Transparency::kKept:
      return std::nullopt;
    case card::Transparency::kOnBlack:
      return media::kBlack;
    case card::Transparency::kOnMatte:
      break;
  }
  return media::colour_from_text(input.text(card::kMatteMember))
      .value_or(media::kWhite);  // "" is white
}

void check_attachment(const card::Attachment& attachment, const media::Image& sent) {
  if (attachment.transparency != card::Transparency::kOnBlack || sent.channels != 4) return;
  const MaskFacts facts = facts_of(sent);
  if (facts.white > 0 && !facts.shows_a_picture()) return;
  throw Error(ErrorCode::kInvalidArgument, attachment.role,
              look_of(facts) +
                  ". Here white is repainted and everything else, transparent parts too, is kept: "
                  "paint white what is to change");
}

std::optional<std::string> frames_warning(const card::Attachment& attachment, int frames) {
  if (frames <= 1 || attachment.frames_max > 1) return std::nullopt;
  return "the file of '" + attachment.role + "' is animated: only the first of its " +
         std::to_string(frames) + " frames is used";
}

}  // namespace atelier::domain
