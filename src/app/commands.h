// The commands of the program `atelier`. Each is called by main() with the parsed command line and
// returns the exit status; failures are Error, which main() prints as a sentence.
#pragma once

#include <optional>
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

// `atelier jobs …`: what the queue of the running station does, and jobs that have ended.
struct JobsCommand {
  std::vector<std::string> ids;
  std::string client, task, state;  // "": all
  std::optional<int> priority;
  int limit = 20;
  bool all = false;
  bool cancelled = false;  // retry those instead of the failed ones
  bool new_seed = false;
};

int list_jobs(const domain::Settings& settings, const JobsCommand& command);
int pause_jobs(const domain::Settings& settings, const JobsCommand& command);
int resume_jobs(const domain::Settings& settings, const JobsCommand& command);
int cancel_jobs(const domain::Settings& settings, const JobsCommand& command);
int retry_jobs(const domain::Settings& settings, const JobsCommand& command);
int replay_job(const domain::Settings& settings, const JobsCommand& command);
int move_jobs_to_front(const domain::Settings& settings, const JobsCommand& command);
int set_job_priority(const domain::Settings& settings, const JobsCommand& command);

int serve(const domain::Settings& settings);
int generate(const domain::Settings& settings, GenerateCommand command);
int upscale(const domain::Settings& settings, const UpscaleCommand& command);
int classify(const domain::Settings& settings, ClassifyCommand command);
int list_models(const domain::Settings& settings);
int doctor(const domain::Settings& settings);

}  // namespace atelier::app
