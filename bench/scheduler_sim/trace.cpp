#include "bench/scheduler_sim/trace.h"

#include <algorithm>
#include <random>

namespace atelier::scheduler_sim {
namespace {

constexpr std::int64_t kGb = 1'000'000'000;
constexpr int kClients = 20, kBulkClients = 5, kJobsPerBatch = 500;
constexpr std::size_t kGenerators = 3, kVision = 3, kUpscaler = 4, kTagger = 5, kEmbedder = 6;

// Distributions of the standard library differ between implementations.
class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  double unit() { return static_cast<double>(engine_()) / 4294967296.0; }
  std::size_t below(std::size_t count) {
    return static_cast<std::size_t>(unit() * static_cast<double>(count));
  }
  double between(double low, double high) { return low + unit() * (high - low); }

 private:
  std::mt19937 engine_;
};

struct Work {
  std::size_t model = 0;
  double ms = 0;
  bool light = false;
  std::int64_t peak_bytes = 0;
};

// A client generates with one or two of the models.
Work interactive_work(Random& random, int client) {
  const double kind = random.unit();
  if (kind < 0.45) {
    const auto model = (static_cast<std::size_t>(client) + random.below(2)) % kGenerators;
    return {model, 6000, false, 2 * kGb};
  }
  if (kind < 0.6) return {kVision, 1500, false, kGb};
  if (kind < 0.7) return {kUpscaler, 3000, false, kGb};
  return {kind < 0.85 ? kTagger : kEmbedder, 40, true, kGb / 10};
}

Work bulk_work(Random& random, int client) {
  switch (client % 5) {
    case 0:
    case 1:
      return {kVision, 1500, false, kGb};
    case 2:
      return {random.below(kGenerators), 6000, false, 2 * kGb};
    case 3:
      return {kUpscaler, 3000, false, kGb};
    default:
      return {random.unit() < 0.5 ? kTagger : kEmbedder, 40, true, kGb / 10};
  }
}

void set_work(SimJob& job, const Work& work, Random& random) {
  job.model = work.model;
  job.light = work.light;
  job.peak_bytes = work.peak_bytes;
  const double ms = work.ms * random.between(0.5, 1.5);
  job.work_ms = static_cast<std::int64_t>(ms);
  job.expected_ms = static_cast<std::int64_t>(ms * random.between(0.7, 1.3));
}

}  // namespace

Trace make_trace(const TraceOptions& options) {
  Random random(options.seed);
  Trace trace;
  for (const auto* id : {"sdxl-a", "sdxl-b", "sdxl-c"}) {
    trace.models.push_back({id, "generation", 7 * kGb, 6000});
  }
  trace.models.push_back({"vision", "vision", 4 * kGb, 4000});
  trace.models.push_back({"upscaler", "upscaling", kGb / 10, 500});
  trace.models.push_back({"tagger", "tagging", 4 * kGb / 10, 400});
  trace.models.push_back({"embedder", "embedding", 3 * kGb / 10, 400});
  double speed = 0;
  for (int i = 0; i < options.devices; ++i) {
    constexpr double kSpeeds[] = {1, 2, 0.5, 1.5, 4};
    constexpr std::int64_t kBytes[] = {16 * kGb, 12 * kGb, 11 * kGb, 24 * kGb, 24 * kGb};
    trace.devices.push_back(
        {kSpeeds[i % 5], options.memory_gb > 0 ? options.memory_gb * kGb : kBytes[i % 5]});
    speed += kSpeeds[i % 5];
  }
  int batch = 0;
  double main_ms = 0;
  for (int i = 0; i < options.jobs; ++i) {
    auto& job = trace.jobs.emplace_back();
    const double share = random.unit();
    job.priority = share < 0.05 ? 3 : share < 0.2 ? 2 : share < 0.3 ? 1 : 0;
    if (job.priority > 0) {
      job.client = static_cast<int>(random.below(kClients));
      set_work(job, interactive_work(random, job.client), random);
    } else {
      job.client = kClients + batch / kJobsPerBatch % kBulkClients;
      ++batch;
      set_work(job, bulk_work(random, job.client), random);
    }
    if (!job.light) main_ms += static_cast<double>(job.work_ms);
  }
  const double all_ms = main_ms / speed / options.load;
  const int batches = batch / kJobsPerBatch + 1;
  int sent = 0;
  double batch_at = 0;
  for (auto& job : trace.jobs) {
    if (job.priority > 0) {
      job.arrival_ms = static_cast<std::int64_t>(random.unit() * all_ms);
      continue;
    }
    if (sent % kJobsPerBatch == 0) {
      // Spread evenly, with the last ones early enough to be done by the end.
      const int batches_before = sent / kJobsPerBatch;
      batch_at = all_ms * (batches_before + random.unit()) / batches * 0.95;
    }
    ++sent;
    job.arrival_ms = static_cast<std::int64_t>(batch_at);
  }
  std::ranges::stable_sort(trace.jobs, {}, &SimJob::arrival_ms);
  return trace;
}

}  // namespace atelier::scheduler_sim
