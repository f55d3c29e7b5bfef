// The settings and their sources: flags take precedence over the environment, which takes
// precedence over settings.toml. The legacy systems' variables are honoured (PORT, HOST, LOG_LEVEL,
// CORS_ORIGINS …). Read once by main(). Failures: Error(kInvalidArgument) naming the source ("PORT:
// …", "settings.toml: …").
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "domain/jobs/waiting_job.h"

namespace atelier::domain {

struct Settings {
  std::string home;  // ATELIER_HOME, default: the XDG data folder
  std::string host = "127.0.0.1";
  int port = 2020;
  std::string api_key;
  std::vector<std::string> hosts;      // further names for the Host header
  std::vector<std::string> origins;    // web sites whose pages may send requests
  std::string log_level = "info";      // "debug", "info", "warning", "error"
  std::string debug_log;               // a file that gets every line, "" is none
  std::string vram_mode = "balanced";  // of requests that name none: "low", "balanced", "high"
  int memory_budget_mb = 0;            // of models and runs on each device; 0: most of its memory

  // "auto": cuda where it can run, else cpu; "cpu", "cuda", "fake", or an engine library's path.
  std::string engine = "auto";
  // Of the light worker, which runs short jobs of small models beside the main one: "auto": cpu
  // where its library is built, else the same; "off": there is none; else as `engine`.
  std::string light_engine = "auto";
  std::string fake;          // switches of the fake engine
  int threads = 0;           // of the worker, 0: all processors it may use
  std::string cuda_devices;  // that may be used (visible_gpus.h); "": all
  std::string nvml;          // NVIDIA's management library, "" is the installed one
  // Jobs that may wait, by priority: 0 background, 1 preload, 2 interactive, 3 immediate.
  std::array<int, kPriorities> queue_max{};
  int keep_jobs_days = 0;              // ended jobs are deleted after so many days; 0: never
  int keep_jobs_max = 0;               // so many ended jobs are kept, the newest; 0: all
  int drain_seconds = 0;               // of running jobs, when the station is asked to stop
  std::string default_model;           // "" is the starter pack's
  bool refuse_unknown_models = false;  // also for legacy clients, which otherwise get the default
  std::string starter;                 // folder of the starter pack, "" is found
  std::string web_root;                // folder of the built page, "" is found
  int connections_max = 0;             // of clients at the same time
  std::vector<std::string> model_folders;  // in ComfyUI's layout, beside home/models
  std::string comfyui, a1111;              // installations whose models are used in place
  std::string huggingface;                 // hub cache, "" is none

  std::vector<std::string> without_effect;  // sentences: settings that have no effect yet
  std::vector<std::string> problems;        // sentences: unknown keys
  // Key → its source: "--port", "PORT", "settings.toml, server.port".
  std::map<std::string, std::string> sources;

  std::string models_folder() const { return home + "/models"; }
};

using Environment = std::function<std::optional<std::string>(const std::string& name)>;
using FlagValues = std::map<std::string, std::string>;  // "server.port" → "2021"

Environment process_environment();

// The home folder alone, which contains settings.toml.
std::string home_folder(const Environment& environment, const FlagValues& flags);

// `file` is the text of settings.toml, "" when there is none.
Settings read_settings(const std::string& file, const Environment& environment,
                       const FlagValues& flags);

}  // namespace atelier::domain
