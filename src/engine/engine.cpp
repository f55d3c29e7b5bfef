// The engine library: implements engine/interface.h for the CPU and, where libtorch has it, CUDA.
#include <algorithm>
#include <array>

#include "engine/describe_failure.h"
#include "engine/device_report.h"
#include "engine/interface.h"
#include "engine/models/all_models.h"
#include "engine/nn/bf16_kernels.h"
#include "engine/pipelines/all_pipelines.h"
#include "engine/residency/residency.h"
#include "engine/samplers/names.h"
#include "engine/tensor/dtype_name.h"
#include "engine/tensor/torch_compat.h"
#include "engine/tensor/working_memory.h"
#include "platform/check.h"
#include "platform/error.h"
#include "platform/utf8.h"

namespace atelier::engine {
namespace {

at::Device device_of(const std::string& name) {
  if (name == "cpu" || name.empty()) {
    return at::kCPU;
  }
#ifdef ATELIER_HAVE_CUDA
  if (name == "cuda" || name.starts_with("cuda:")) {
    if (!at::hasCUDA()) {
      throw Error(
          ErrorCode::kUnsupported,
          "no NVIDIA GPU can be used: `nvidia-smi` must list one, with a driver that is new "
          "enough for this libtorch; the engine 'cpu' works without");
    }
    return at::Device(name);
  }
#endif
  throw Error(ErrorCode::kUnsupported,
              "this engine library has no device '" + platform::cut(name, 40) +
                  "': start the worker with the library that was built for it");
}

class TorchEngine final : public Engine {
 public:
  explicit TorchEngine(const EngineOptions& options)
      : device_(device_of(options.device)),
        threads_(options.threads > 0 ? options.threads : usable_processors()) {
    at::set_num_threads(threads_);
    keep_freed_memory();
  }

  EngineReport report() override {
    if (!report_) {
      with_failures_described("measuring the device", [&] {
        report_ = report_cpu(threads_);
        report_->device = device_.str();
        report_->compute_dtype = default_dtype();
        report_->dtypes = dtypes();
        if (device_.is_cuda()) {
          report_->device_name = device_.str();
        }
      });
    }
    CHECK(report_);  // a measurement that failed has thrown
    return *report_;
  }

  MemoryReport memory() override {
    MemoryReport memory = report_memory();
    for (const ResidentModel& model : models_.report().models) {
      const auto same = std::ranges::find(memory.models, model.form.id, &ModelInMemory::id);
      if (same == memory.models.end()) {
        memory.models.push_back({model.form.id, model.bytes});
      } else {
        same->bytes += model.bytes;
      }
    }
    if (device_.is_cpu()) memory.held_bytes = held_bytes();
    return memory;
  }

  std::vector<std::string> tasks() override {
    std::vector<std::string> ids;
    for (const Pipeline& pipeline : all_pipelines()) ids.push_back(pipeline.task);
    return ids;
  }
  std::vector<card::NamedChoice> samplers() override { return named(known_samplers()); }
  std::vector<card::NamedChoice> schedules() override { return named(known_schedules()); }

  card::ModelCard inspect(const ModelFiles& files) override {
    card::ModelCard card;
    with_failures_described("reading '" + files.id + "'", [&] {
      card = describe_model(detect_model(CheckpointFiles(files.path, files.id)));
    });
    return card;
  }

  RunResult run(RunRequest request, JobObserver& observer) override {
    const Pipeline& pipeline = pipeline_of(request.task);
    RunResult result;
    with_failures_described(pipeline.doing + names_of(request), [&] {
      const c10::InferenceMode inference;
      at::set_num_threads(threads_);  // per thread in some builds of OpenMP
      PeakMeasurement peak;
      Context context(*this, observer, peak);
      result = pipeline.run(std::move(request), context);
      result.peak_bytes = peak.bytes();
    });
    return result;
  }

  void unload_all() override {
    models_.evict_all();
    give_back_freed_memory();
  }
  void evict(const std::string& model) override {
    models_.evict_id(model);
    give_back_freed_memory();
  }
  void give_back_memory() override { give_back_freed_memory(); }

 private:
  class Context final : public PipelineContext {
   public:
    Context(TorchEngine& engine, JobObserver& observer, PeakMeasurement& peak)
        : engine_(engine), observer_(observer), peak_(peak) {}
    JobObserver& observer() override { return observer_; }
    Model& load(const ModelFiles& files, const ComputeOptions& options,
                const std::function<void(const DetectedModel&)>& check) override {
      Model& model = engine_.resident(files, options, check, observer_);
      peak_.restart();
      return model;
    }

   private:
    TorchEngine& engine_;
    JobObserver& observer_;
    PeakMeasurement& peak_;
  };

  // " with 'the id'": the models of a request, for sentences.
  static std::string names_of(const RunRequest& request) {
    std::string names;
    for (const auto& [role, files] : request.models) {
      names += (names.empty() ? " with '" : "', '") + files.id;
    }
    return names.empty() ? "" : names + "'";
  }

  template <class Known>
  static std::vector<card::NamedChoice> named(const std::vector<Known>& table) {
    std::vector<card::NamedChoice> choices;
    for (const Known& known : table) {
      choices.push_back({known.id, known.title, known.available, known.aliases});
    }
    return choices;
  }

  static constexpr auto kDtypes = std::to_array({at::kFloat, at::kBFloat16, at::kHalf});

  bool computes_in(at::ScalarType dtype) const { return dtype != at::kHalf || device_.is_cuda(); }

  std::vector<std::string> dtypes() const {
    std::vector<std::string> names;
    for (const auto dtype : kDtypes) {
      if (computes_in(dtype)) names.emplace_back(dtype_name(dtype));
    }
    return names;
  }

  at::ScalarType dtype_of(const std::string& name) {
    const std::string wanted = name.empty() ? default_dtype() : name;
    for (const auto dtype : kDtypes) {
      if (computes_in(dtype) && wanted == dtype_name(dtype)) return dtype;
    }
    throw Error(
        ErrorCode::kInvalidArgument, "dtype",
        "this device does not compute in '" + platform::cut(wanted, 20) + "': choose fp32 or bf16");
  }

  std::string default_dtype() const {
    if (device_.is_cuda()) {
      return "fp16";
    }
    return bf16_products_supported() ? "bf16" : "fp32";
  }

  Model& resident(const ModelFiles& files, const ComputeOptions& options,
                  const std::function<void(const DetectedModel&)>& check, JobObserver& observer) {
    const at::ScalarType dtype = dtype_of(options.dtype);
    const ModelForm form{
        files.id, files.path, {.dtype = dtype, .device = device_, .precise = options.precise}};
    models_.evict_outdated(form.path);
    if (Model* model = models_.find(form)) {
      return *model;
    }
    observer.on_progress({"load", 0, 0, 0, 0});
    const DetectedModel detected = detect_model(CheckpointFiles(files.path, files.id));
    // A job that cannot run is refused before anything is loaded or dropped.
    check(detected);
    // Another form of it would be a second copy, which the station has not planned.
    models_.evict_id(form.id);
    return models_.load(detected, form, [&] {
      if (observer.cancelled()) {
        throw Error(ErrorCode::kCancelled, "the job was cancelled");
      }
    });
  }

  at::Device device_;
  int threads_;
  std::optional<EngineReport> report_;
  Residency models_;
};

}  // namespace
}  // namespace atelier::engine

int atelier_engine_interface_version() { return atelier::engine::kEngineInterfaceVersion; }

atelier::engine::Engine* atelier_engine_create(const atelier::engine::EngineOptions* options) {
  return new atelier::engine::TorchEngine(*options);
}

void atelier_engine_destroy(atelier::engine::Engine* engine) { delete engine; }
