// The tiny model of a pipeline golden file, written to a folder that goes with this, and the file's
// cases. Test code: a missing or malformed file ends the test with an exception.
#pragma once

#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "engine/interface.h"
#include "engine/models/all_models.h"
#include "engine/pipelines/diffusion_model.h"
#include "tiny_model.h"

namespace atelier::engine {

struct GoldenModel {
  explicit GoldenModel(const std::string& name)
      : folder(std::filesystem::temp_directory_path() /
               ("atelier-golden-" + name + std::to_string(::getpid()))) {
    std::ifstream file(std::filesystem::path(ATELIER_SOURCE_DIR "/tests/golden/data/pipelines") /
                       (name + ".json"));
    std::stringstream text;
    text << file.rdbuf();
    json = boost::json::parse(text.str()).as_object();
    golden::write_tiny_model(folder, json.at("model").as_object());
  }
  ~GoldenModel() { std::filesystem::remove_all(folder); }
  GoldenModel(const GoldenModel&) = delete;
  GoldenModel& operator=(const GoldenModel&) = delete;

  std::unique_ptr<Model> load(at::ScalarType dtype, at::Device device = at::kCPU) const {
    return load_model(detect_model(CheckpointFiles(folder, "golden")),
                      {.bind = {.dtype = dtype, .device = device}});
  }

  const std::filesystem::path folder;
  boost::json::object json;
};

// Ignores progress and previews.
class Silent final : public JobObserver {
 public:
  void on_progress(const card::Progress&) override {}
  void on_preview(const media::Image&) override {}
  bool cancelled() override { return false; }
};

}  // namespace atelier::engine
