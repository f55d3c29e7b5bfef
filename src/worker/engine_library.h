// Loads an engine library and makes its engine. Called once, by main, before any other thread runs.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "engine/interface.h"

namespace atelier::worker {

using EnginePtr = std::unique_ptr<engine::Engine, std::function<void(engine::Engine*)>>;

// Resolves "auto": "cuda" where its library is installed and NVIDIA's driver is loaded, else "cpu".
// Any other name is returned unchanged.
std::string choose_engine(const std::string& engine, const std::filesystem::path& program_folder,
                          bool driver_loaded);

// Where the library of an engine ("cpu", or a path) lies; throws kNotFound naming the places
// searched.
std::filesystem::path find_engine_library(const std::string& engine,
                                          const std::filesystem::path& program_folder);

// Throws kUnsupported when the library cannot be used (with the loader's reason, or both interface
// versions), and the engine's own error when its device does not start.
EnginePtr load_engine(const std::filesystem::path& library, const engine::EngineOptions& options);

}  // namespace atelier::worker
