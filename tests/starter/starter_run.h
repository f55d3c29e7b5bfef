// Runs a task of the engine library with a model of the starter pack on one picture.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "drawn_sign.h"
#include "engine/interface.h"
#include "json/describe.h"

namespace atelier::starter {

inline media::Image picture_of(const DrawnScene& scene) {
  return {scene.width, scene.height, 3, scene.rgb};
}

class StarterRun : public testing::Test {
 protected:
  void SetUp() override {
    const engine::EngineOptions options;
    engine_.reset(atelier_engine_create(&options));
  }

  template <class Input>
  engine::RunResult run(const std::string& task, const engine::ModelFiles& model,
                        const Input& input, const media::Image& picture) {
    Silent observer;
    engine::RunRequest request;
    request.task = task;
    request.input_json = json::write_json(input);
    request.models["model"] = model;
    request.attachments["image"] = {{.image = picture}};
    return engine_->run(std::move(request), observer);
  }

 private:
  class Silent final : public engine::JobObserver {
   public:
    void on_progress(const card::Progress&) override {}
    void on_preview(const media::Image&) override {}
    bool cancelled() override { return false; }
  };
  struct Destroy {
    void operator()(engine::Engine* made) const { atelier_engine_destroy(made); }
  };

 protected:
  std::unique_ptr<engine::Engine, Destroy> engine_;
};

}  // namespace atelier::starter
