// The progress of a job as a share of the whole, estimated from the worker's stage; it never
// decreases.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "domain/jobs/job.h"

namespace atelier::scheduler {

struct StageSpan {
  std::string_view name;
  double begin, end;
};

// The main stage takes nearly all of the time; the rest is there so that a bar moves.
inline constexpr std::array<StageSpan, 6> kStages{{
    {"load", 0.0, 0.03},
    {"encode", 0.03, 0.05},
    {"denoise", 0.05, 0.90},
    {"decode", 0.90, 0.97},
    {"save", 0.97, 0.99},
    {"done", 1.0, 1.0},
}};
// Of every other stage: what the task counts ("tile"), or "run".
inline constexpr StageSpan kMainStage{"", 0.05, 0.90};

inline void advance(domain::JobProgress& progress, std::string_view stage, int step, int total) {
  progress.stage = std::string(stage);
  progress.step = step;
  progress.total = total;
  const auto known = std::ranges::find(kStages, stage, &StageSpan::name);
  const auto& span = known == kStages.end() ? kMainStage : *known;
  const double share = total > 0 ? std::clamp(double(step) / total, 0.0, 1.0) : 0.0;
  progress.fraction = std::max(progress.fraction, span.begin + share * (span.end - span.begin));
}

}  // namespace atelier::scheduler
