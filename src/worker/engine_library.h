// The engine that the worker runs: a shared library beside the program, or the fake one built in.
// Called once, from main. A library that is missing, of another interface version or without a part
// it needs throws kUnsupported with a sentence that says what to do.
#pragma once

#include <memory>
#include <string>

#include "engine/interface.h"

namespace atelier::worker {

using EnginePointer = std::unique_ptr<engine::Engine, void (*)(engine::Engine*)>;

// `name`: "cpu", "cuda", "fake", or the path of a library. `fake_switches`: fake_engine.h.
EnginePointer load_engine(const std::string& name, const engine::EngineOptions& options,
                          const std::string& fake_switches);

}  // namespace atelier::worker
