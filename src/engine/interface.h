// The one header through which the worker uses an engine library (libatelier-engine-cpu.so,
// libatelier-engine-cuda.so, or the fake engine inside the worker). No torch type appears here.
// Threads: run() may be called from several threads at once, as many as `running_max` of the report
// says, and beside them jobs that wait in wait_while_suspended(), or that were cancelled there and
// end; memory() at any time; everything else by one thread at a time, while no job runs that is not
// suspended. `cancelled()` and `suspend_asked()` of the observer are
// called by run() between blocks of a network. Failures are thrown as atelier::Error. Inputs and
// facts cross this boundary as JSON, so that a new parameter changes no binary interface.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "card/model_card.h"
#include "card/progress.h"
#include "card/task.h"
#include "media/image/frame.h"
#include "media/image/image.h"

namespace atelier::engine {

// Version of this header; a library of another version is refused with a sentence.
inline constexpr int kEngineInterfaceVersion = 8;

struct EngineOptions {
  std::string device = "cpu";  // "cpu", "cuda", "cuda:1"
  int threads = 0;             // 0: all logical processors that this process may use
  std::string assets_path;  // folder with the tokenizer data that single-file checkpoints lack (""
                            // : built in default)
};

// Where an installed model lies. The worker receives it from the station beside the model's id.
struct ModelFiles {
  std::string id;    // its name in the station
  std::string path;  // node-local path of a single file or of a diffusers folder
};

class JobObserver {
 public:
  virtual ~JobObserver() = default;
  virtual void on_progress(const card::Progress& progress) = 0;
  virtual void on_preview(const media::Image& preview) = 0;  // small RGB picture of the latents
  // The next piece of the text output, UTF-8, of a task whose description has streams_text. Pieces
  // are appended. A piece may end inside a word, never inside a UTF-8 sequence; all pieces of a run
  // have card::kStreamedTextBytesMax bytes at most.
  virtual void on_text(std::string_view /*piece*/) {}
  virtual bool cancelled() = 0;  // true: throw ErrorCode::kCancelled soon
  // True: a run of a task that suspends (card::TaskDescription) goes back to its last whole step,
  // frees what the step holds and calls wait_while_suspended(); then it does the step again. A
  // model that is being loaded waits half loaded.
  virtual bool suspend_asked() { return false; }
  // Returns when the run may go on, or is cancelled. `steps` are whole ones that are kept.
  virtual void wait_while_suspended(int /*steps*/) {}
};

struct RunRequest {
  std::string task;        // id
  std::string input_json;  // of the task's input; names are ids, the seed is drawn
  std::map<std::string, ModelFiles> models;  // by role; "model" where a task has one
  // By role, never empty; transparency and number of frames as the task declares.
  std::map<std::string, std::vector<media::Frame>> attachments;
};

// One output, in order. `kind` says which member has it.
struct Output {
  std::string kind;      // "picture", "text", "labels", …
  media::Image picture;  // "picture"
  std::string json;      // every other kind: the value
};

struct RunResult {
  std::vector<Output> outputs;
  std::string facts_json;  // of the task's facts
  card::Timing timing;
  // The most that the run needed beside the resident models; 0: not measured, as where it was
  // suspended.
  std::int64_t peak_bytes = 0;
};

struct EngineReport {
  std::string device;         // "cpu", "cuda:0"
  std::string device_name;    // "AMD EPYC …", "NVIDIA …"
  std::string libtorch;       // "1.13.1"
  std::string blas;           // what at::show_config and a probe say
  std::string compute_dtype;  // default on this device: "fp32", "bf16", "fp16"
  // In which models compute on this device; every other one is refused.
  std::vector<std::string> dtypes;
  std::string cpu_capability;  // "avx2", "avx512_bf16", "amx_bf16", …
  int threads = 0;
  int running_max = 1;                // calls of run() at the same time
  double sgemm_gflops = 0;            // measured by a short probe; far too low names a wrong BLAS
  std::vector<std::string> problems;  // sentences, with what to do
};

struct ModelInMemory {
  std::string id;
  std::int64_t bytes = 0;
};

struct MemoryReport {
  std::int64_t device_bytes_total = 0, device_bytes_free = 0;
  std::int64_t held_bytes = 0;  // by this process on the device, freed memory that it keeps
                                // included; 0: unknown
  std::vector<ModelInMemory> models;
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual EngineReport report() = 0;
  virtual MemoryReport memory() = 0;
  virtual std::vector<std::string> tasks() = 0;  // ids that run() carries out
  virtual std::vector<card::NamedChoice> samplers() = 0;
  virtual std::vector<card::NamedChoice> schedules() = 0;
  // Reads headers only (cheap); throws kUnsupported with the reason when it is not a model that we
  // run.
  virtual card::ModelCard inspect(const ModelFiles& files) = 0;
  // Throws kUnsupported for a task that is not of tasks(). Takes the request over, because its
  // pictures are large.
  virtual RunResult run(RunRequest request, JobObserver& observer) = 0;
  // Both keep a model that a suspended run uses.
  virtual void unload_all() = 0;
  // All forms of the model; without effect where there is none.
  virtual void evict(const std::string& model) = 0;
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
