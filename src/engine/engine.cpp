// The engine library: implements engine/interface.h for the CPU and, where libtorch has it, CUDA.
#include <algorithm>
#include <array>
#include <chrono>

#include "card/all_tasks.h"
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

// The observer of a run as its pipeline sees it: only tasks that can be suspended are asked to
// wait, and what the run needs is not measured while others may run.
class RunObserver final : public JobObserver {
 public:
  RunObserver(JobObserver& observer, const std::string& task, PeakMeasurement& peak)
      : observer_(observer), suspends_(card::task_named(task).suspends), peak_(peak) {}

  void on_progress(const card::Progress& progress) override { observer_.on_progress(progress); }
  void on_preview(const media::Image& preview) override { observer_.on_preview(preview); }
  void on_text(std::string_view piece) override { observer_.on_text(piece); }
  bool cancelled() override { return observer_.cancelled(); }
  bool suspend_asked() override { return suspends_ && observer_.suspend_asked(); }
  void wait_while_suspended(int steps) override {
    const auto start = std::chrono::steady_clock::now();
    peak_.suspend();
    observer_.wait_while_suspended(steps);
    peak_.resume();
    waited_ms_ +=
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }
  double waited_ms() const { return waited_ms_; }

 private:
  JobObserver& observer_;
  const bool suspends_;
  PeakMeasurement& peak_;
  double waited_ms_ = 0;
};

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
      RunObserver seen(observer, request.task, peak);
      Context context(*this, seen, peak);
      result = pipeline.run(std::move(request), context);
      result.timing["load_ms"] -= context.load_waited_ms();
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
    Context(TorchEngine& engine, RunObserver& observer, PeakMeasurement& peak)
        : engine_(engine), observer_(observer), peak_(peak) {}
    JobObserver& observer() override { return observer_; }
    Model& load(const ModelFiles& files, const ComputeOptions& options,
                const std::function<void(const DetectedModel&)>& check) override {
      const double waited_ms = observer_.waited_ms();
      used_.push_back(engine_.resident(files, options, check, observer_));
      load_waited_ms_ += observer_.waited_ms() - waited_ms;
      peak_.restart();
      return *used_.back();
    }
    // Of the time that load() took: when the run was suspended.
    double load_waited_ms() const { return load_waited_ms_; }

   private:
    TorchEngine& engine_;
    RunObserver& observer_;
    PeakMeasurement& peak_;
    double load_waited_ms_ = 0;
    std::vector<std::shared_ptr<Model>> used_;  // stay in memory until the run ends
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

  std::shared_ptr<Model> resident(const ModelFiles& files, const ComputeOptions& options,
                                  const std::function<void(const DetectedModel&)>& check,
                                  JobObserver& observer) {
    const at::ScalarType dtype = dtype_of(options.dtype);
    const ModelForm form{
        files.id, files.path, {.dtype = dtype, .device = device_, .precise = options.precise}};
    models_.evict_outdated(form.path);
    if (std::shared_ptr<Model> model = models_.find(form)) {
      return model;
    }
    observer.on_progress({"load", 0, 0, 0, 0});
    const DetectedModel detected = detect_model(CheckpointFiles(files.path, files.id));
    // A job that cannot run is refused before anything is loaded or dropped.
    check(detected);
    // Another form of it would be a second copy, which the station has not planned.
    models_.evict_id(form.id);
    return models_.load(detected, form, [&] {
      // A suspended run keeps what it has loaded so far.
      if (observer.suspend_asked()) observer.wait_while_suspended(0);
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
