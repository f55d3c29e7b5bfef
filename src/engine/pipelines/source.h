// The source pictures of a job at the sizes of its plan, and the parts of them that are kept. Job
// thread. Throw kInvalidArgument for invalid images, and what `check` throws.
#pragma once

#include "engine/pipelines/job_plan.h"
#include "media/image/resample.h"

namespace atelier::engine {

struct SourcePictures {
  media::Image picture;  // RGB; empty when the job has none
  media::Image mask;     // one channel; white is repainted; empty when the job has none
};

// The mask belongs to the picture as it was sent: it is resized in the same way, with black around
// it.
SourcePictures fitted_source(const GenerateJob& job, int width, int height,
                             const media::Check& check);

// The part outside the mask, at the size of the finished picture. From the mask's border on, the
// generated picture is blended into it over the width of one latent cell, because the network
// repaints whole cells.
class KeptOutside {
 public:
  KeptOutside(SourcePictures source, const SizePlan& size, int latent_scale);

  media::Image put_back(const media::Image& made) const;

 private:
  media::Image picture_;
  media::Image mask_;  // 255: made, 0: kept
};

}  // namespace atelier::engine
