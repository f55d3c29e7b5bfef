#include "engine/pipelines/generate.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "engine/image/pixels.h"
#include "engine/pipelines/denoise.h"
#include "engine/pipelines/elapsed.h"
#include "engine/pipelines/generation_start.h"
#include "engine/pipelines/guidance.h"
#include "engine/pipelines/job_plan.h"
#include "engine/pipelines/latents.h"
#include "engine/pipelines/source.h"
#include "engine/pipelines/suspension.h"
#include "engine/tensor/dtype_name.h"
#include "media/image/resample.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

// Pictures of a batch that go through the network together: as many as together have the latents of
// one 512x512 picture. More are not faster on a CPU and need more memory.
constexpr std::int64_t kGroupLatents = 64 * 64;

class Generation {
 public:
  Generation(DiffusionModel& model, const GenerateJob& job, JobObserver& observer)
      : model_(model),
        job_(job),
        observer_(observer),
        suspension_(observer),
        plan_(plan_job(model.facts(), job)) {
    model_.begin_job();
  }
  ~Generation() { model_.end_job(); }
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;

  GenerateResult run();
  const std::vector<Tensor>& final_latents() const { return final_latents_; }

 private:
  void check() const { suspension_.check(); }
  // A part of the work that is done as a whole (suspension.h).
  void whole(const std::function<void()>& part) { suspension_.whole(steps_done_, part); }
  int group_size() const;
  void encode_prompt();
  void fit_source();
  Conditioning conditioning_for(int pictures) const;
  bool stops_guiding() const { return plan_.guided() && job_.input.guidance_end < 1; }
  void run_group(int first, int pictures);
  TaskStart start_task(const TaskContext& context) const;
  Tensor denoise_group(const TaskContext& context, TaskStart start, Sampler& sampler);
  void report_step(int done, int total, const std::vector<double>& seconds);
  void show_preview(const Tensor& guess, int done);
  void finish(const Tensor& latents);
  card::GenerationUsed used() const;

  DiffusionModel& model_;
  const GenerateJob& job_;
  JobObserver& observer_;
  Suspension suspension_;
  const JobPlan plan_;
  Conditioning conditioning_;  // one row per half: [negative, positive] or [positive]
  int pictures_done_ = 0;
  int steps_done_ = 0;  // of the whole batch
  LatentPreview::Fit preview_fit_;
  std::vector<double> eval_seconds_;
  double decode_seconds_ = 0;          // of the group before
  std::vector<Tensor> final_latents_;  // one entry per group
  SourcePictures source_;              // at the made size
  std::optional<KeptOutside> outside_;
  std::vector<std::string> task_warnings_;
  GenerateResult result_;
};

int Generation::group_size() const {
  const std::int64_t scale = model_.facts().latent_scale();
  const std::int64_t area = (plan_.size.made_width / scale) * (plan_.size.made_height / scale);
  return static_cast<int>(std::clamp<std::int64_t>(kGroupLatents / area, 1, plan_.batch));
}

void Generation::encode_prompt() {
  const auto start = std::chrono::steady_clock::now();
  const PromptPair pair = model_.prompts().encode(job_.input.prompt, job_.input.negative_prompt,
                                                  plan_.clip_skip, plan_.guided());
  const bool guided = pair.negative.has_value();
  const Tensor context =
      guided ? at::cat({pair.negative->states, pair.positive.states}) : pair.positive.states;
  AddedConditioning added;
  if (model_.facts().dual_text_encoder) {
    added.pooled =
        guided ? at::cat({pair.negative->pooled, pair.positive.pooled}) : pair.positive.pooled;
    const auto height = static_cast<float>(plan_.size.made_height),
               width = static_cast<float>(plan_.size.made_width);
    // original size, crop corner, target size
    added.time_ids = at::tensor({height, width, 0.0F, 0.0F, height, width})
                         .expand({context.size(0), 6})
                         .contiguous()
                         .to(model_.device());
  }
  conditioning_ = model_.denoiser().prepare(context, added);
  result_.timing["encode_ms"] = milliseconds_since(start);
}

void Generation::fit_source() {
  const SizePlan& size = plan_.size;
  const auto fitted = [this](int width, int height) {
    return fitted_source(job_, width, height, [this] { check(); });
  };
  source_ = fitted(size.made_width, size.made_height);
  if (plan_.keep_outside) {
    outside_.emplace(size.enlarged() ? fitted(size.width, size.height) : source_, size,
                     model_.facts().latent_scale());
  }
}

// The prompt's keys and values, once computed, repeated for every picture of the group.
Conditioning Generation::conditioning_for(int pictures) const {
  if (pictures == 1) {
    return conditioning_;
  }
  Conditioning repeated;
  repeated.batch = conditioning_.batch * pictures;
  for (const auto& pair : conditioning_.cross) {
    repeated.cross.push_back(
        {pair.key.repeat_interleave(pictures, 0), pair.value.repeat_interleave(pictures, 0)});
  }
  if (conditioning_.added.defined()) {
    repeated.added = conditioning_.added.repeat_interleave(pictures, 0);
  }
  return repeated;
}

// The second half of the rows: those of the prompt, without the negative prompt's.
Conditioning positive_half(const Conditioning& both) {
  const std::int64_t half = both.batch / 2;
  Conditioning positive;
  positive.batch = half;
  for (const auto& pair : both.cross) {
    positive.cross.push_back({pair.key.narrow(0, half, half), pair.value.narrow(0, half, half)});
  }
  if (both.added.defined()) {
    positive.added = both.added.narrow(0, half, half);
  }
  return positive;
}

TaskStart Generation::start_task(const TaskContext& context) const {
  switch (plan_.kind) {
    case JobKind::kImageToImage:
      return start_image_to_image(context);
    case JobKind::kInpaint:
      return start_inpaint(context);
    case JobKind::kTextToImage:
      break;
  }
  return start_text_to_image(context);
}

Tensor Generation::denoise_group(const TaskContext& context, TaskStart start, Sampler& sampler) {
  const Conditioning conditioning = conditioning_for(context.noise.pictures());
  const Conditioning positive = stops_guiding() ? positive_half(conditioning) : Conditioning{};
  const Hooks hooks{[this] { check(); }};
  bool guided = plan_.guided();  // in the step that follows
  DenoiseRun run;
  run.sampler = &sampler;
  run.noise = &context.noise;
  run.suspension = &suspension_;
  run.steps_before = steps_done_;
  run.latents = start.latents;
  run.first_eval = context.first_eval();
  run.after_step = start.after_step;
  run.network = [&](const Tensor& input, double timestep) {
    Tensor sample =
        start.extra_channels.defined() ? at::cat({input, start.extra_channels}, 1) : input;
    sample = guided ? at::cat({sample, sample}) : sample;
    const Conditioning& rows = plan_.guided() && !guided ? positive : conditioning;
    const Tensor output = model_.denoiser().predict(sample, timestep, rows, hooks).to(at::kFloat);
    return guided ? atelier::engine::guided(output, plan_.guidance, plan_.guidance_rescale)
                  : output;
  };
  run.on_step = [&](int done, int total, const std::vector<double>& seconds) {
    report_step(done, total, seconds);
    // diffusers' ClassifierFreeGuidance: the first int(stop * steps) steps are guided.
    guided = plan_.guided() &&
             (!stops_guiding() || done < static_cast<int>(job_.input.guidance_end * total));
  };
  if (job_.input.preview_every > 0) {
    run.on_guess = [this](const Tensor& guess, int done) { show_preview(guess, done); };
  }
  Denoised denoised = denoise(run);
  eval_seconds_.insert(eval_seconds_.end(), denoised.eval_seconds.begin(),
                       denoised.eval_seconds.end());
  return denoised.latents;
}

// Steps are model evaluations, counted over the whole batch.
void Generation::report_step(int done, int total, const std::vector<double>& seconds) {
  check();
  const int group = group_size();
  const int groups = (plan_.batch + group - 1) / group, groups_done = pictures_done_ / group;
  card::Progress progress;
  progress.stage = "denoise";
  progress.step = steps_done_ = groups_done * total + done;
  progress.total = groups * total;
  if (!seconds.empty()) {
    // The first evaluation also fills caches: it is used only while it is the only one.
    const std::size_t skip = seconds.size() > 1 ? 1 : 0;
    const double sum =
        std::accumulate(seconds.begin() + static_cast<std::ptrdiff_t>(skip), seconds.end(), 0.0);
    const double mean = sum / static_cast<double>(seconds.size() - skip);
    progress.steps_per_second = mean > 0 ? 1 / mean : 0;
    progress.eta_seconds =
        mean * (progress.total - progress.step) + decode_seconds_ * (groups - groups_done);
  }
  observer_.on_progress(progress);
}

void Generation::show_preview(const Tensor& guess, int done) {
  if (done % job_.input.preview_every == 0) {
    observer_.on_preview(model_.preview().draw(guess.slice(0, 0, 1), model_.vae(), preview_fit_));
  }
}

void Generation::finish(const Tensor& latents) {
  const double waited_ms = suspension_.waited_ms();
  const auto start = std::chrono::steady_clock::now();
  observer_.on_progress({"decode", pictures_done_, plan_.batch, decode_seconds_, 0});
  const Tiling tiling = job_.input.tile_vae ? Tiling::kTiles : Tiling::kWhole;
  Tensor pictures;
  whole([&] { pictures = decode_latents(model_, latents, tiling, [this] { check(); }); });
  for (std::int64_t i = 0; i < pictures.size(0); ++i) {
    media::Image image = tensor_to_picture(pictures[i]);
    if (plan_.size.enlarged()) {
      media::Image larger;
      whole([&] {
        larger = media::resize(image, plan_.size.width, plan_.size.height, media::Filter::kLanczos,
                               [this] { check(); });
      });
      image = std::move(larger);
    }
    result_.images.push_back(outside_ ? outside_->put_back(image) : std::move(image));
  }
  const double elapsed = milliseconds_since(start) - (suspension_.waited_ms() - waited_ms);
  decode_seconds_ = elapsed / 1000;
  result_.timing["decode_ms"] += elapsed;
}

void Generation::run_group(int first, int pictures) {
  const std::unique_ptr<Sampler> sampler = plan_.sampler.make();
  NoiseSource noise(0, 0);
  const TaskContext context{model_, job_, plan_, source_, *sampler, noise, [this] { check(); }};
  TaskStart start;
  double encode_ms = 0;
  whole([&] {
    const auto begin = std::chrono::steady_clock::now();
    noise = NoiseSource(plan_.seed + static_cast<std::uint64_t>(first), pictures);
    start = start_task(context);
    encode_ms = milliseconds_since(begin);
  });
  result_.timing["encode_ms"] += encode_ms;
  task_warnings_ = std::move(start.warnings);
  final_latents_.push_back(denoise_group(context, std::move(start), *sampler));
  finish(final_latents_.back());
  pictures_done_ += pictures;
}

card::GenerationUsed Generation::used() const {
  const ModelFacts& facts = model_.facts();
  card::GenerationUsed used;
  used.model = facts.id;
  used.model_title = facts.title;
  used.model_hash = facts.hash;
  used.sampler = plan_.sampler.sampler_title;
  used.schedule = plan_.sampler.schedule_title;
  used.width = plan_.size.width;
  used.height = plan_.size.height;
  used.made_width = plan_.size.made_width;
  used.made_height = plan_.size.made_height;
  used.steps = plan_.steps;
  used.guidance = plan_.guidance;
  if (stops_guiding()) {
    used.guidance_end = job_.input.guidance_end;
  }
  used.seed = plan_.seed;
  used.batch = plan_.batch;
  if (plan_.kind != JobKind::kTextToImage) {
    used.strength = plan_.strength;
  }
  if (plan_.kind == JobKind::kInpaint) {
    used.keep_outside = plan_.keep_outside;
  }
  used.clip_skip = plan_.clip_skip;
  used.dtype = dtype_name(model_.dtype());
  used.prompt = job_.input.prompt;
  used.negative_prompt = job_.input.negative_prompt.value_or("");
  used.warnings = plan_.warnings;
  used.warnings.insert(used.warnings.end(), task_warnings_.begin(), task_warnings_.end());
  return used;
}

GenerateResult Generation::run() {
  check();
  observer_.on_progress({"encode", 0, 0, 0, 0});
  whole([this] { encode_prompt(); });
  whole([this] { fit_source(); });
  const int group = group_size();
  for (int first = 0; first < plan_.batch; first += group) {
    run_group(first, std::min(group, plan_.batch - first));
  }
  for (const double seconds : eval_seconds_) {
    result_.timing["denoise_ms"] += seconds * 1000;
  }
  if (!eval_seconds_.empty()) {
    const auto middle =
        eval_seconds_.begin() + static_cast<std::ptrdiff_t>(eval_seconds_.size() / 2);
    std::nth_element(eval_seconds_.begin(), middle, eval_seconds_.end());
    result_.timing["step_ms_median"] = *middle * 1000;
  }
  result_.used = used();
  return std::move(result_);
}

}  // namespace

GenerateResult generate_pictures(DiffusionModel& model, const GenerateJob& job,
                                 JobObserver& observer, double load_ms, Tensor* final_latents) {
  Generation generation(model, job, observer);
  GenerateResult result = generation.run();
  result.timing["load_ms"] = load_ms;
  if (final_latents != nullptr) {
    *final_latents = at::cat(generation.final_latents());
  }
  return result;
}

}  // namespace atelier::engine
