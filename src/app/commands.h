// The commands of the program `atelier`. Each is called by main() with the parsed command line and
// returns the exit status; failures are Error, which main() prints as a sentence.
#pragma once

#include <string>
#include <vector>

#include "app/run_job.h"
#include "app/task_flags.h"
#include "domain/settings/settings.h"

namespace atelier::app {

struct GenerateCommand {
  GenerateCommand();

  TaskFlags flags;
  PictureFiles output;
  std::string size;    // "WxH"
  bool alone = false;  // also when a station runs
};

struct UpscaleCommand {
  UpscaleCommand();

  TaskFlags flags;
  PictureFiles output;
  bool alone = false;  // also when a station runs
};

struct ClassifyCommand {
  ClassifyCommand();

  TaskFlags flags;
  std::vector<std::string> files;
  bool json = false;   // one object per line
  bool alone = false;  // also when a station runs
};

int serve(const domain::Settings& settings);
int generate(const domain::Settings& settings, GenerateCommand command);
int upscale(const domain::Settings& settings, const UpscaleCommand& command);
int classify(const domain::Settings& settings, ClassifyCommand command);
int list_models(const domain::Settings& settings);
int doctor(const domain::Settings& settings);

}  // namespace atelier::app
