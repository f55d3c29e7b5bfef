// The folders of models, and the candidates in them. Reads folder listings only; the worker's
// `inspect` identifies each candidate. Any thread; folders that are missing or cannot be read are
// treated as empty.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace atelier::scheduler {

struct ModelFolders {
  std::string starter = {};  // the starter pack: <starter>/models in ComfyUI's layout
  // ComfyUI's layout: checkpoints/, diffusers/, upscale_models/; and vision/.
  std::vector<std::string> layouts = {};
  std::vector<std::string> comfyui = {};      // installations: <folder>/models
  std::vector<std::string> a1111 = {};        // installations: <folder>/models/Stable-diffusion
  std::vector<std::string> huggingface = {};  // hub caches: models--<user>--<repo>/snapshots/…
  // A file that was not written for this long is complete; copies and downloads write more often.
  std::chrono::milliseconds settled_after{3000};
};

struct ModelCandidate {
  // "checkpoint/<name>", "diffusers/<name>", "upscale/<name>", "vision/<name>", "hf/<user>/<repo>"
  std::string id;
  std::string path;
  std::string source;  // "starter", "models", "comfyui", "a1111", "huggingface"
  std::int64_t size_bytes = 0;
  std::uint64_t files_version = 0;  // files_version_of(path)
  bool settled = true;              // false: written a moment ago and perhaps not yet whole
};

// In the order above; an id that two folders have belongs to the first.
std::vector<ModelCandidate> find_model_candidates(const ModelFolders& folders);

// A number that changes with every file of the model that is replaced, written, added or taken
// away.
std::uint64_t files_version_of(const std::string& path);

// The sentence without the folder of `path`: clients do not see paths of this machine, the log
// does.
std::string without_place(std::string sentence, const std::string& path);

}  // namespace atelier::scheduler
