#include "worker/options.h"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "platform/error.h"

namespace atelier::worker {

Options read_options(std::span<const char* const> arguments) {
  Options options;
  CLI::App parser("Owns one device and runs jobs on it. Started by atelier.", "atelier-worker");
  parser.add_option("--engine", options.engine,
                    "auto, cpu, cuda, fake or the path of an engine library");
  parser.add_option("--device", options.device, "Device of the engine, such as cpu or cuda");
  parser.add_option("--threads", options.threads, "Threads; 0: all that this process may use")
      ->check(CLI::NonNegativeNumber);
  parser.add_option("--assets", options.assets, "Folder of the tokenizers' data");
  parser.add_option("--fake", options.fake, "Switches of the fake engine: step_ms=50,hang");
  parser.add_option("--fd", options.fd, "Descriptor of the socket to the station")
      ->check(CLI::NonNegativeNumber);
  try {
    parser.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    options.help = parser.help();
  } catch (const CLI::ParseError& error) {
    throw Error(ErrorCode::kInvalidArgument,
                std::string(error.what()) + ": run 'atelier-worker --help' for the options");
  }
  return options;
}

}  // namespace atelier::worker
