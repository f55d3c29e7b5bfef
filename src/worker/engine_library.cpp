#include "worker/engine_library.h"

#include <dlfcn.h>

#include "platform/error.h"

namespace atelier::worker {
namespace {

template <class Function>
Function* symbol(void* library, const char* name, const std::filesystem::path& path) {
  void* found = ::dlsym(library, name);
  if (found == nullptr) {
    throw Error(ErrorCode::kUnsupported,
                path.string() + " is no engine library: it has no '" + name + "'");
  }
  return reinterpret_cast<Function*>(found);
}

}  // namespace

std::filesystem::path find_engine_library(const std::string& engine,
                                          const std::filesystem::path& program_folder) {
  if (engine.find('/') != std::string::npos) {
    if (std::filesystem::exists(engine)) return engine;
    throw Error(ErrorCode::kNotFound, "there is no engine library at " + engine);
  }
  const std::string name = "libatelier-engine-" + engine + ".so";
  const std::filesystem::path installed = program_folder / ".." / "lib" / name;
  const std::filesystem::path beside = program_folder / name;
  for (const auto& path : {installed, beside}) {
    if (std::filesystem::exists(path)) return path.lexically_normal();
  }
  throw Error(ErrorCode::kNotFound, "the engine library " + name + " is neither at " +
                                        installed.lexically_normal().string() + " nor at " +
                                        beside.string() +
                                        ": build it (make build), or choose another engine");
}

EnginePtr load_engine(const std::filesystem::path& library, const engine::EngineOptions& options) {
  // Never closed again: libtorch's own destructors do not survive an unload.
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
                                             ", this worker wants " +
                                             std::to_string(engine::kEngineInterfaceVersion) +
                                             ": build both from the same sources");
  }
  return {create(&options), destroy};
}

}  // namespace atelier::worker
