#include "worker/fake_engine.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "card/all_tasks.h"
#include "card/tasks/generate.h"
#include "platform/error.h"
#include "worker/fake_any_task.h"
#include "worker/fake_generate.h"
#include "worker/fake_run.h"

namespace atelier::worker {
namespace {

int read_switch(std::string_view name, std::string_view value) {
  int number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size() || number < 0) {
    throw Error(
        ErrorCode::kInvalidArgument,
        "--fake " + std::string(name) + ": expected an integer, not '" + std::string(value) + "'");
  }
  return number;
}

int* number_of(FakeSwitches& switches, std::string_view name) {
  const std::pair<std::string_view, int*> known[] = {
      {"step_ms", &switches.step_ms},
      {"load_ms", &switches.load_ms},
      {"hello_ms", &switches.hello_ms},
      {"late_ms", &switches.late_ms},
      {"crash_at_step", &switches.crash_at_step},
      {"poison_at_step", &switches.poison_at_step},
      {"hang_at_step", &switches.hang_at_step},
      {"hang", &switches.hang_at_step},
      {"oom_at_step", &switches.oom_at_step},
      {"oom_once", &switches.oom_once},
      {"memory_mb", &switches.memory_mb},
      {"device_mb", &switches.device_mb},
      {"model_mb", &switches.model_mb},
      {"peak_mb", &switches.peak_mb},
      {"deadly_files", &switches.deadly_files},
      {"running_max", &switches.running_max},
      {"words", &switches.words},
  };
  for (const auto& [known_name, place] : known) {
    if (known_name == name) return place;
  }
  return nullptr;
}

bool makes_pictures(const std::string& task) { return task == card::generate_task().id; }

class FakeEngine final : public engine::Engine {
 public:
  explicit FakeEngine(FakeSwitches switches) : switches_(std::move(switches)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(switches_.hello_ms));
  }

  engine::EngineReport report() override {
    engine::EngineReport report;
    report.device = "fake";
    report.device_name = "no device (fake engine)";
    report.compute_dtype = "fp32";
    report.dtypes = {"fp32", "bf16"};
    report.threads = 1;
    report.running_max = std::max(1, switches_.running_max);
    return report;
  }

  engine::MemoryReport memory() override {
    const std::scoped_lock lock(state_.mutex);
    engine::MemoryReport report;
    report.device_bytes_total = fake_bytes(switches_.device_mb);
    report.held_bytes = held_bytes(switches_, state_);
    report.device_bytes_free = report.device_bytes_total - report.held_bytes;
    for (const auto& [id, users] : state_.loaded) {
      report.models.push_back({id, fake_bytes(switches_.model_mb)});
    }
    return report;
  }

  std::vector<std::string> tasks() override {
    std::vector<std::string> ids;
    for (const auto* task : card::all_tasks()) {
      if (!task->steps) ids.push_back(task->id);
    }
    return ids;
  }
  std::vector<card::NamedChoice> samplers() override { return fake_samplers(); }
  std::vector<card::NamedChoice> schedules() override { return fake_schedules(); }

  card::ModelCard inspect(const engine::ModelFiles& files) override {
    if (!files.path.empty() && !std::filesystem::exists(files.path)) {
      throw Error(ErrorCode::kNotFound,
                  "the model '" + files.id + "' was moved or deleted: look for models again");
    }
    if (switches_.deadly_files != 0 && files.path.find("deadly") != std::string::npos) std::abort();
    card::ModelCard card = fake_card();
    if (!files.id.empty()) card.id = files.id;
    return card;
  }

  engine::RunResult run(engine::RunRequest request, engine::JobObserver& observer) override {
    const auto* task = card::find_task(request.task);
    if (task == nullptr || task->steps) {
      throw Error(ErrorCode::kUnsupported, "task",
                  "this engine does not run the task '" + request.task + "'");
    }
    const card::TaskInput input(card::task_named(request.task), json::parse(request.input_json));
    FakeRun run(switches_, state_, request, input, observer);
    auto result = makes_pictures(request.task) ? fake_generate(run) : fake_any_task(run);
    result.peak_bytes = run.measured_peak();
    return result;
  }

  void unload_all() override {
    const std::scoped_lock lock(state_.mutex);
    std::erase_if(state_.loaded, [](const auto& model) { return model.second == 0; });
  }
  void evict(const std::string& model) override {
    const std::scoped_lock lock(state_.mutex);
    std::erase_if(state_.loaded,
                  [&](const auto& loaded) { return loaded.first == model && loaded.second == 0; });
  }
  void give_back_memory() override {}

 private:
  const FakeSwitches switches_;
  FakeState state_;
};

}  // namespace

FakeSwitches read_fake_switches(const std::string& text) {
  FakeSwitches switches;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    const std::size_t equals = item.find('=');
    const std::string_view name = item.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view("1") : item.substr(equals + 1);
    if (name == "crash_once") {
      switches.crash_once = value;
    } else if (name == "times") {
      switches.times = value;
    } else if (int* place = number_of(switches, name)) {
      *place = read_switch(name, value);
    } else {
      throw Error(ErrorCode::kInvalidArgument,
                  "the fake engine has no switch '" + std::string(name) + "'");
    }
  }
  return switches;
}

std::unique_ptr<engine::Engine> make_fake_engine(FakeSwitches switches) {
  return std::make_unique<FakeEngine>(std::move(switches));
}

card::ModelCard fake_card() {
  card::ModelCard card;
  card.id = "fake";
  card.title = "Fake (coloured noise)";
  card.family = "fake";
  card.format = "none";
  card.description =
      "Makes coloured noise from seed and prompt, for tests and for trying out the page.";
  card.capabilities = {"text_to_image", "image_to_image", "inpaint"};
  card.native_width = card.native_height = 512;
  card.memory = {std::int64_t{256} << 20, 64};
  for (const auto* task : card::all_tasks()) {
    if (task->steps) continue;
    card.tasks.push_back(makes_pictures(task->id) ? served_fake_generate(card)
                                                  : card::ServedTask{task->id, task->parameters});
    if (!makes_pictures(task->id)) card.capabilities.push_back(task->capability);
  }
  return card;
}

}  // namespace atelier::worker
