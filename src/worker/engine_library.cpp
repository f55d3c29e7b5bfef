#include "worker/engine_library.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>

#include "platform/error.h"

namespace atelier::worker {
namespace {

template <class Function>
Function* symbol(void* library, const char* name, const std::filesystem::path& path) {
  void* found = ::dlsym(library, name);
  if (found == nullptr) {
    throw Error(ErrorCode::kUnsupported,
                path.string() + " is not an engine library: it has no symbol '" + name + "'");
  }
  return reinterpret_cast<Function*>(found);
}

// Installed, and beside the program.
std::array<std::filesystem::path, 2> places_of(const std::string& engine,
                                               const std::filesystem::path& program_folder) {
  const std::string name = "libatelier-engine-" + engine + ".so";
  return {(program_folder / ".." / "lib" / name).lexically_normal(), program_folder / name};
}

}  // namespace

std::string choose_engine(const std::string& engine, const std::filesystem::path& program_folder,
                          bool driver_loaded) {
  if (engine != "auto") return engine;
  const auto places = places_of("cuda", program_folder);
  const bool installed = std::ranges::any_of(
      places, [](const std::filesystem::path& path) { return std::filesystem::exists(path); });
  return driver_loaded && installed ? "cuda" : "cpu";
}

std::filesystem::path find_engine_library(const std::string& engine,
                                          const std::filesystem::path& program_folder) {
  if (engine.find('/') != std::string::npos) {
    if (std::filesystem::exists(engine)) return engine;
    throw Error(ErrorCode::kNotFound, "there is no engine library at " + engine);
  }
  const auto places = places_of(engine, program_folder);
  for (const auto& path : places) {
    if (std::filesystem::exists(path)) return path;
  }
  throw Error(ErrorCode::kNotFound, "the engine library " + places[0].filename().string() +
                                        " is neither at " + places[0].string() + " nor at " +
                                        places[1].string() +
                                        ": build it (make build), or choose another engine");
}

EnginePtr load_engine(const std::filesystem::path& library, const engine::EngineOptions& options) {
  // Never closed: libtorch's destructors crash after an unload.
  void* handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = ::dlerror();
    throw Error(ErrorCode::kUnsupported,
                "the engine library " + library.string() +
                    " cannot be loaded: " + (reason == nullptr ? "no reason given" : reason) +
                    ": install what it needs, or build it again");
  }
  auto* version = symbol<decltype(atelier_engine_interface_version)>(
      handle, "atelier_engine_interface_version", library);
  auto* create = symbol<decltype(atelier_engine_create)>(handle, "atelier_engine_create", library);
  auto* destroy =
      symbol<decltype(atelier_engine_destroy)>(handle, "atelier_engine_destroy", library);
  if (version() != engine::kEngineInterfaceVersion) {
    throw Error(ErrorCode::kUnsupported, "the engine library " + library.string() +
                                             " has interface version " + std::to_string(version()) +
                                             ", this worker requires " +
                                             std::to_string(engine::kEngineInterfaceVersion) +
                                             ": build both from the same sources");
  }
  return {create(&options), destroy};
}

}  // namespace atelier::worker
