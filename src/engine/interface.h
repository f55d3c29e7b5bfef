// The one header through which the worker uses an engine library (libatelier-engine-cpu.so,
// libatelier-engine-cuda.so, or the fake engine inside the worker). No torch type appears here.
// Threads: one job at a time; everything is called from the worker's job thread, except
// `cancelled()` of the observer, which the engine polls between blocks. Failures are thrown as
// atelier::Error.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "card/generation.h"
#include "card/model_card.h"
#include "media/image/image.h"

namespace atelier::engine {

// Version of this header; a library of another version is refused with a sentence.
inline constexpr int kEngineInterfaceVersion = 3;

struct EngineOptions {
  std::string device = "cpu";  // "cpu", "cuda", "cuda:1"
  int threads = 0;             // 0: all logical processors that this process may use
  std::string assets_path;  // folder with the tokenizer data that single-file checkpoints lack (""
                            // : built in default)
};

// Where an installed model lies. The worker receives it from the station beside the model's id.
struct ModelFiles {
  std::string id;    // the name under which the station knows it
  std::string path;  // node-local path of a single file or of a diffusers folder
};

struct Progress {
  std::string stage;  // "load", "encode", "denoise", "decode"
  int step = 0, total = 0;
  double eta_seconds = 0;  // of the whole job, as far as known; 0: unknown
  double steps_per_second = 0;
};

class JobObserver {
 public:
  virtual ~JobObserver() = default;
  virtual void on_progress(const Progress& progress) = 0;
  virtual void on_preview(const media::Image& preview) = 0;  // small RGB picture of the latents
  virtual bool cancelled() = 0;  // true: throw ErrorCode::kCancelled soon
};

struct GenerateJob {
  ModelFiles model;
  card::GenerationInput input;        // sampler, schedule, size, … as asked
  std::optional<media::Image> image;  // image to image, inpainting; RGB: composited already
  std::optional<media::Image> mask;   // inpainting: white is repainted
};

struct GenerateResult {
  std::vector<media::Image> images;
  card::GenerationUsed used;
  card::GenerationTiming timing;
};

struct EngineReport {
  std::string device_name;     // "AMD EPYC …", "NVIDIA …"
  std::string libtorch;        // "1.13.1"
  std::string blas;            // what at::show_config and a probe say
  std::string compute_dtype;   // default on this device: "fp32", "bf16", "fp16"
  std::string cpu_capability;  // "avx2", "avx512_bf16", "amx_bf16", …
  int threads = 0;
  double sgemm_gflops = 0;            // measured by a short probe; far too low names a wrong BLAS
  std::vector<std::string> problems;  // sentences, with what to do
};

struct MemoryReport {
  std::int64_t device_bytes_total = 0, device_bytes_free = 0;
  std::int64_t resident_model_bytes = 0;
  std::vector<std::string> loaded_models;  // ids
};

// One sampler or schedule of the table, for /v1/samplers and the page.
struct NamedChoice {
  std::string id;                    // canonical id: "dpmpp_2m", "karras"
  std::string title;                 // "DPM++ 2M"
  bool available = false;            // false: known by name, not built yet
  std::vector<std::string> aliases;  // other dialects' spellings
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual EngineReport report() = 0;
  virtual MemoryReport memory() = 0;
  virtual std::vector<NamedChoice> samplers() = 0;
  virtual std::vector<NamedChoice> schedules() = 0;
  // Reads headers only (cheap); throws kUnsupported with the reason when it is no model that we
  // run.
  virtual card::ModelCard inspect(const ModelFiles& files) = 0;
  virtual GenerateResult generate(const GenerateJob& job, JobObserver& observer) = 0;
  virtual void unload_all() = 0;
  // When no job waits: what jobs passed through beside the resident models goes back to the system.
  virtual void give_back_memory() = 0;
};

}  // namespace atelier::engine

// What an engine library exports.
extern "C" {
int atelier_engine_interface_version();
atelier::engine::Engine* atelier_engine_create(const atelier::engine::EngineOptions* options);
void atelier_engine_destroy(atelier::engine::Engine* engine);
}
