#include "worker/engine_library.h"

#include <dlfcn.h>

#include <filesystem>

#include "platform/error.h"
#include "platform/process.h"
#include "worker/fake_engine.h"

namespace atelier::worker {
namespace {

namespace fs = std::filesystem;

// build/<preset>/{bin,lib} and an installation's {bin,lib/atelier} are both <folder>/../lib….
fs::path library_path(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const std::string file = "libatelier-engine-" + name + ".so";
  const fs::path folder = platform::program_folder();
  for (const fs::path& place :
       {folder / file, folder / ".." / "lib" / file, folder / ".." / "lib" / "atelier" / file}) {
    if (fs::exists(place)) return place.lexically_normal();
  }
  throw Error(ErrorCode::kUnsupported,
              "the engine library " + file +
                  " is not installed beside the program: build it with `make build" +
                  (name == "cuda" ? " CUDA=1`" : "`"));
}

template <class Function>
Function symbol(void* library, const char* name, const fs::path& path) {
  void* found = ::dlsym(library, name);
  if (!found) {
    throw Error(ErrorCode::kUnsupported,
                "'" + path.string() + "' is no engine library: it has no " + name);
  }
  return reinterpret_cast<Function>(found);
}

}  // namespace

EnginePointer load_engine(const std::string& name, const engine::EngineOptions& options,
                          const std::string& fake_switches) {
  if (name == "fake") {
    return {make_fake_engine(fake_switches).release(), [](engine::Engine* fake) { delete fake; }};
  }
  const fs::path path = library_path(name);
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    throw Error(ErrorCode::kUnsupported,
                "the engine library cannot be loaded: " + std::string(::dlerror()) +
                    ": is libtorch installed? `atelier doctor` tells more");
  }
  const auto version = symbol<decltype(&atelier_engine_interface_version)>(
      library, "atelier_engine_interface_version", path);
  if (version() != engine::kEngineInterfaceVersion) {
    throw Error(ErrorCode::kUnsupported,
                "'" + path.string() + "' speaks version " + std::to_string(version()) +
                    " of the engine interface, this worker " +
                    std::to_string(engine::kEngineInterfaceVersion) + ": build both together");
  }
  const auto create =
      symbol<decltype(&atelier_engine_create)>(library, "atelier_engine_create", path);
  const auto destroy =
      symbol<decltype(&atelier_engine_destroy)>(library, "atelier_engine_destroy", path);
  return {create(&options), destroy};
}

}  // namespace atelier::worker
