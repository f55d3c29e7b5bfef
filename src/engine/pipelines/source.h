// The pictures that a job was given, at the sizes that its plan works with, and what of them stays.
// Job thread. Throw kInvalidArgument for images without sense, and what `check` throws.
#pragma once

#include "engine/pipelines/job_plan.h"
#include "media/image/resample.h"

namespace atelier::engine {

struct SourcePictures {
  media::Image picture;  // RGB; empty when the job has none
  media::Image mask;     // one channel; white is repainted; empty when the job has none
};

// The mask lies on the picture as it was sent: it goes the same way, black around it.
SourcePictures fitted_source(const GenerateJob& job, int width, int height,
                             const media::Check& check);

// What is outside the mask, at the size of the finished picture. From the mask's border on, the
// made picture fades into it within the width of one cell of the latents, for the network repaints
// whole cells.
class KeptOutside {
 public:
  KeptOutside(SourcePictures source, const SizePlan& size, int latent_scale);

  media::Image put_back(const media::Image& made) const;

 private:
  media::Image picture_;
  media::Image mask_;  // 255: made, 0: kept
};

}  // namespace atelier::engine
