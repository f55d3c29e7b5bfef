// What a model says about itself: the plain data that lets everyone outside its own source file
// treat it without asking which model it is. Made by the engine (families, and an inspection of
// files), sent in the worker's hello, kept in the catalog, shown by the API, drawn as a form by the
// page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace atelier::card {

// One parameter of the model's form. `kind`: "integer", "number", "string", "boolean", "choice",
// "size".
struct Parameter {
  std::string name;  // field name of the job input, e.g. "steps"
  std::string kind;
  std::string title, help;
  std::optional<double> minimum, maximum, step;
  std::string default_value;         // as text; "" is none
  std::vector<std::string> choices;  // kind "choice"
};

// Device memory of a job: fixed + per_pixel * width * height * batch (bytes).
struct MemoryFormula {
  std::int64_t weights_bytes = 0;
  double bytes_per_pixel = 0;
};

struct ModelCard {
  std::string id;      // "sd15-starter"; unique in a catalog
  std::string title;   // "Starter (shapes and colours)"
  std::string family;  // "sd15", "sdxl": a label for people, never switched on
  std::string task;    // "generation"
  std::string format;  // "diffusers", "single_file"
  std::string description;
  std::vector<std::string>
      capabilities;  // "text_to_image", "image_to_image", "inpaint", "v_prediction" …
  int native_width = 512, native_height = 512;
  MemoryFormula memory;
  std::string content_hash;           // of headers, configurations and samples of the data
  std::vector<std::string> warnings;  // sentences: it works, but somebody should know
  std::vector<Parameter> parameters;
};

}  // namespace atelier::card
