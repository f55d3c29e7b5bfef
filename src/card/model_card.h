// The description of a model as plain data, so that code outside its own source file does not
// depend on which model it is. Made by the engine (families, and an inspection of files), sent in
// the worker's hello, kept in the catalog, shown by the API, drawn as a form by the page.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "card/parameter.h"

namespace atelier::card {

// Device memory of a job: fixed + per_pixel * width * height * batch (bytes).
struct MemoryFormula {
  std::int64_t weights_bytes = 0;
  double bytes_per_pixel = 0;
};

// A task that the model serves, with the rows of its parameters as this model takes them.
struct ServedTask {
  std::string task;                   // id
  std::vector<Parameter> parameters;  // the task's rows, narrowed
};

struct ModelCard {
  std::string id;      // "sd15-starter"; unique in a catalog
  std::string title;   // "Starter (shapes and colours)"
  std::string family;  // "sd15", "sdxl": a label for people, never switched on
  std::string format;  // "diffusers", "single_file"
  std::string description;
  std::vector<std::string>
      capabilities;  // "text_to_image", "image_to_image", "inpaint", "v_prediction" …
  int native_width = 512, native_height = 512;
  MemoryFormula memory;
  std::string content_hash;           // of headers, configurations and samples of the data
  std::vector<std::string> warnings;  // sentences: the model works, with a limitation
  // By quality, for pictures of every kind: of the models that serve a task, an installed one with
  // the highest rank is the default. The family sets it; 0 where it does not order its models.
  int rank = 0;
  std::vector<ServedTask> tasks;
};

// Null: the model does not serve the task.
const ServedTask* served(const ModelCard& card, const std::string& task);

}  // namespace atelier::card
