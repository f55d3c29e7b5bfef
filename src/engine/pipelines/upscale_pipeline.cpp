// The task `upscale`: a network enlarges the picture in tiles, then it is resampled to the
// requested scale. Alpha is enlarged by the same network as a grey picture, as Real-ESRGAN's
// RealESRGANer does. The colour under transparent parts is not part of the picture, and the network
// would mix it into the visible pixels beside them: it is replaced by that of the nearest of these.
#include <chrono>
#include <cmath>
#include <utility>

#include "card/tasks/upscale.h"
#include "engine/image/tiles.h"
#include "engine/models/upscaler.h"
#include "engine/pipelines/all_pipelines.h"
#include "engine/pipelines/elapsed.h"
#include "engine/pipelines/suspension.h"
#include "engine/tensor/dtype_name.h"
#include "json/describe.h"
#include "media/image/convert.h"
#include "media/image/resample.h"
#include "media/image/spread.h"
#include "platform/error.h"

namespace atelier::engine {
namespace {

// A multiple of the pixels that networks work on at a time (TileSpec::multiple). The visible frame
// lies within less than one pixel of the input.
constexpr std::int64_t kBorder = 4;

void check_size(const media::Image& image, std::int64_t scale) {
  const std::int64_t pixels = static_cast<std::int64_t>(image.width) * image.height * scale * scale;
  if (pixels <= card::kUpscaledPixelsMax) return;
  throw Error(ErrorCode::kTooLarge, "image",
              "enlarged " + std::to_string(scale) + " times it would have " +
                  std::to_string(pixels / 1'000'000) + " million pixels, " +
                  std::to_string(card::kUpscaledPixelsMax / 1'000'000) +
                  " million are allowed: choose a smaller scale or picture");
}

// Reports each tile over all pictures that the job enlarges (colour, alpha). A tile is done as a
// whole.
class Progress {
 public:
  Progress(JobObserver& observer, int pictures)
      : observer_(observer), suspension_(observer), pictures_(pictures) {}

  void check() const { suspension_.check(); }
  void whole(const std::function<void()>& part) { suspension_.whole(steps_, part); }
  // Since the start, without the time of suspensions.
  double milliseconds() const { return milliseconds_since(start_) - suspension_.waited_ms(); }

  void report(std::int64_t done, std::int64_t count) {
    check();
    if (done == 0 && picture_ > 0) return;  // the last tile of the picture before was reported
    const double seconds = milliseconds() / 1000;
    card::Progress progress{.stage = card::upscale_task().stage};
    progress.total = static_cast<int>(count) * pictures_;
    progress.step = steps_ = static_cast<int>(count) * picture_ + static_cast<int>(done);
    if (progress.step > 0 && seconds > 0) {
      progress.steps_per_second = progress.step / seconds;
      progress.eta_seconds = seconds / progress.step * (progress.total - progress.step);
    }
    observer_.on_progress(progress);
    if (done == count) ++picture_;
  }
  int tiles() const { return tiles_; }
  void set_tiles(std::int64_t tiles) { tiles_ = static_cast<int>(tiles); }

 private:
  JobObserver& observer_;
  Suspension suspension_;
  int pictures_, picture_ = 0, tiles_ = 0, steps_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

media::Image enlarge(const Upscaler& upscaler, const media::Image& image, const TileSpec& tiles,
                     Progress& progress) {
  return upscale_in_tiles(
      image, upscaler.facts().scale, tiles,
      [&](const Tensor& tile) {
        Tensor result;
        progress.whole([&] { result = upscaler.enlarge(tile, [&] { progress.check(); }); });
        return result;
      },
      [&](std::int64_t done, std::int64_t count) {
        progress.set_tiles(count);
        progress.report(done, count);
      });
}

media::Image colour_of(const media::Image& rgba) {
  const media::Image spread = media::with_colour_spread(rgba);
  media::Image colour{rgba.width, rgba.height, 3, {}};
  colour.pixels.reserve(colour.byte_count());
  for (std::size_t i = 0; i < spread.pixels.size(); i += 4) {
    colour.pixels.insert(colour.pixels.end(), &spread.pixels[i], &spread.pixels[i] + 3);
  }
  return colour;
}

media::Image channel_of(const media::Image& image, int channel) {
  media::Image plane{image.width, image.height, 1, {}};
  plane.pixels.reserve(plane.byte_count());
  for (std::size_t i = static_cast<std::size_t>(channel); i < image.pixels.size();
       i += static_cast<std::size_t>(image.channels)) {
    plane.pixels.push_back(image.pixels[i]);
  }
  return plane;
}

media::Image with_alpha(const media::Image& colour, const media::Image& alpha) {
  media::Image image{colour.width, colour.height, 4, {}};
  image.pixels.reserve(image.byte_count());
  const std::size_t step = static_cast<std::size_t>(alpha.channels);
  for (std::size_t i = 0; i * 3 < colour.pixels.size(); ++i) {
    const auto* pixel = &colour.pixels[i * 3];
    image.pixels.insert(image.pixels.end(), {pixel[0], pixel[1], pixel[2], alpha.pixels[i * step]});
  }
  return image;
}

RunResult run(RunRequest request, PipelineContext& context) {
  const auto input = json::read_json<card::UpscaleInput>(request.input_json);
  const auto attached = take_attachment(request, "image");
  if (!attached) {
    throw Error(ErrorCode::kInvalidArgument, "image", "it is missing: send a picture");
  }
  const media::Image& source = *attached;
  const auto check = [&](const DetectedModel& model) {
    const auto* facts = model.facts.find<UpscalerFacts>();
    if (facts == nullptr) return;  // refused below, with the capability
    check_size(source, std::max<std::int64_t>(facts->scale, input.scale.value_or(1)));
  };
  RunResult result;
  const auto start = std::chrono::steady_clock::now();
  Model& model = context.load(model_of(request), {.dtype = input.dtype}, check);
  const auto& upscaler = model.capability<Upscaler>();
  result.timing["load_ms"] = milliseconds_since(start);
  const auto scale = input.scale.value_or(static_cast<int>(upscaler.facts().scale));
  check_size(source, std::max<std::int64_t>(upscaler.facts().scale, scale));

  const bool transparent = source.channels == 4;
  TileSpec tiles{.overlap = overlap_of(upscaler.facts().reach), .border = kBorder};
  if (input.tile) tiles.size = *input.tile;
  Progress progress(context.observer(), transparent ? 2 : 1);
  media::Image image =
      enlarge(upscaler, transparent ? colour_of(source) : media::to_rgb(source), tiles, progress);
  if (transparent) {
    const auto alpha = enlarge(upscaler, channel_of(source, 3), tiles, progress);
    image = with_alpha(image, alpha);
  }
  if (scale != upscaler.facts().scale) {
    media::Image resized;
    progress.whole([&] {
      resized = media::resize(image, source.width * scale, source.height * scale,
                              media::Filter::kLanczos, [&] { progress.check(); });
    });
    image = std::move(resized);
  }
  result.timing["run_ms"] = progress.milliseconds();

  card::UpscaleFacts facts;
  facts.model = model.id();
  facts.model_title = model.card().title;
  facts.model_hash = model.content_hash().substr(0, 10);
  facts.scale = scale;
  facts.network_scale = static_cast<int>(upscaler.facts().scale);
  facts.source_width = source.width;
  facts.source_height = source.height;
  facts.width = image.width;
  facts.height = image.height;
  facts.tile = static_cast<int>(tiles.size);
  facts.tiles = progress.tiles();
  facts.dtype = dtype_name(upscaler.dtype());
  result.facts_json = json::write_json(facts);
  result.outputs.push_back({"picture", std::move(image), ""});
  return result;
}

std::optional<card::ServedTask> serve(const DetectedModel& model) {
  const auto* facts = model.facts.find<UpscalerFacts>();
  if (facts == nullptr) return std::nullopt;
  const card::TaskDescription& task = card::upscale_task();
  const std::vector<card::Parameter> overrides{
      {.name = "scale", .default_value = std::to_string(facts->scale)}};
  return card::ServedTask{task.id, card::narrowed(task.parameters, overrides)};
}

}  // namespace

Pipeline upscale_pipeline() { return {card::upscale_task().id, "enlarging a picture", run, serve}; }

}  // namespace atelier::engine
