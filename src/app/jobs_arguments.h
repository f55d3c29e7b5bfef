// The arguments of `atelier jobs …`. Called by main.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "app/commands.h"

namespace atelier::app {

using RunJobsCommand = int (*)(const domain::Settings& settings, const JobsCommand& command);

// Adds the command `jobs` with its own commands. `add_common` adds what every command has; the
// chosen one is passed to `choose` when the line is parsed. `arguments` must outlive the program.
void add_jobs_commands(CLI::App& program, JobsCommand& arguments,
                       const std::function<void(CLI::App&)>& add_common,
                       const std::function<void(RunJobsCommand)>& choose);

}  // namespace atelier::app
