// The installed models: cards with their files, names that mean a role, and the default of a task.
// Rule for names (issue of the first release): the founding system's ids mean the installed model of that
// name, else the starter model of the same role; a missing model is the default of its task; any other
// unknown id is refused with a sentence naming what is there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "card/model_card.h"

namespace atelier::domain {

struct InstalledModel {
  card::ModelCard card;
  std::string path;    // node-local; never shown to a client off loopback, never kept in a job
  std::string source;  // "starter", "models", "huggingface", "comfyui", "a1111"
  std::int64_t size_bytes = 0;
  std::string problem;  // not empty: found but unusable, and why (a missing part …)
};

struct ResolvedModel {
  InstalledModel model;
  std::string warning;  // e.g. "sdxl-realism is not installed: the starter model answered"
};

}  // namespace atelier::domain
