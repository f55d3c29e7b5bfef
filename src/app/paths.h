// Where the program finds its other parts: the children beside its own executable, the engine
// libraries in ../lib, the starter pack and the page in the source tree or in ../share/atelier. Any
// thread.
#pragma once

#include <string>
#include <vector>

#include "domain/settings/settings.h"

namespace atelier::app {

std::string worker_program();
std::string decoder_program();
std::string starter_folder(const domain::Settings& settings);  // "" when there is none
std::string web_folder(const domain::Settings& settings);      // "" when there is none
std::vector<std::string> engine_libraries();                   // file names found

// Restricts the home folder (prompts, pictures, keys), its present and future contents, to the
// current user. To be called before any other thread runs.
void keep_home_private(const domain::Settings& settings);

// Creates home/models with its subfolders at the first start only: folders that the user removes
// later stay removed.
void make_model_folders(const domain::Settings& settings);

// Settings from settings.toml of the home folder, the environment and the flags; makes the folder.
domain::Settings load_settings(const domain::FlagValues& flags);

}  // namespace atelier::app
