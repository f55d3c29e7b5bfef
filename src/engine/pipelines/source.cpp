#include "engine/pipelines/source.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "media/image/blend.h"
#include "media/image/convert.h"
#include "media/image/fit.h"

namespace atelier::engine {
namespace {

media::Fit fit_of(card::FitMode mode) {
  switch (mode) {
    case card::FitMode::kCover:
      return media::Fit::kCover;
    case card::FitMode::kContain:
      return media::Fit::kContain;
    case card::FitMode::kStretch:
      break;
  }
  return media::Fit::kStretch;
}

int soft_edge(const SizePlan& size, int latent_scale) {
  const double grown = std::max(static_cast<double>(size.width) / size.made_width,
                                static_cast<double>(size.height) / size.made_height);
  return static_cast<int>(std::ceil(latent_scale * grown));
}

// The same with `channels`, without a copy where they are that many: a photograph may have 200
// million pixels.
media::Image fitted_as(int channels, const media::Image& sent, int width, int height,
                       card::FitMode fit, std::uint8_t fill, const media::Check& check) {
  media::Image other;
  if (sent.channels != channels) other = channels == 3 ? media::to_rgb(sent) : media::to_grey(sent);
  return media::fitted(sent.channels == channels ? sent : other, width, height, fit_of(fit),
                       media::Filter::kLanczos, fill, check);
}

}  // namespace

SourcePictures fitted_source(const GenerateJob& job, int width, int height,
                             const media::Check& check) {
  constexpr std::uint8_t kMidGrey = 128;  // around a contained picture
  const card::FitMode fit = job.input.fit;
  SourcePictures source;
  if (job.image) source.picture = fitted_as(3, *job.image, width, height, fit, kMidGrey, check);
  if (job.mask) source.mask = fitted_as(1, *job.mask, width, height, fit, 0, check);
  return source;
}

KeptOutside::KeptOutside(SourcePictures source, const SizePlan& size, int latent_scale)
    : picture_(std::move(source.picture)),
      mask_(media::with_soft_edge(source.mask, soft_edge(size, latent_scale))) {}

media::Image KeptOutside::put_back(const media::Image& made) const {
  return media::blended(picture_, made, mask_);
}

}  // namespace atelier::engine
