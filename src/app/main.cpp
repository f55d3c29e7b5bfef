// atelier: the station and the commands that use it. Reads the command line and prints failures as
// sentences; the exit status is that of run_job.h.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/interruption.h"
#include "app/jobs_arguments.h"
#include "app/paths.h"
#include "app/run_job.h"
#include "http/server.h"
#include "platform/error.h"
#include "platform/log.h"
#include "platform/nearest.h"
#include "platform/utf8.h"
#include "platform/version.h"

namespace atelier::app {
namespace {

using domain::FlagValues;

// A flag that stands for a setting; kept as text, so that settings.cpp alone reads values.
void add_setting(CLI::App& command, FlagValues& flags, const std::string& name,
                 const std::string& key, const std::string& help) {
  command.add_option_function<std::string>(
      name, [&flags, key](const std::string& value) { flags[key] = value; }, help);
}

void add_common(CLI::App& command, FlagValues& flags) {
  add_setting(command, flags, "--home", "home", "Folder of models, pictures and settings");
  add_setting(command, flags, "--engine", "engine.name",
              "auto, cpu, cuda, fake or a library's path");
  add_setting(command, flags, "--fake", "engine.fake", "Switches of the fake engine");
  add_setting(command, flags, "--threads", "engine.threads", "Threads of the worker, 0: all");
  add_setting(command, flags, "--models", "models.folders", "More model folders, with commas");
  add_setting(command, flags, "--starter", "models.starter", "Folder of the starter pack");
}

void add_output(CLI::App& command, PictureFiles& output, const std::string& more) {
  command.add_option("-o,--output", output.path,
                     "File to write (PNG), picture.png by default" + more);
  command.add_flag("--overwrite", output.overwrite,
                   "Replace files that exist; without it they are kept and the command fails");
}

void add_generate(CLI::App& command, GenerateCommand& request) {
  request.flags.add_to(command);
  add_output(command, request.output, "; a batch is numbered");
  command.add_option("--size", request.size, "Width and height together, for example 512x768")
      ->excludes(command.get_option("--width"))
      ->excludes(command.get_option("--height"));
  command.add_flag("--alone", request.alone, "Do not use the running station");
}

void add_upscale(CLI::App& command, UpscaleCommand& request) {
  request.flags.add_to(command);
  add_output(command, request.output, "");
  command.add_flag("--alone", request.alone, "Do not use the running station");
}

void add_classify(CLI::App& command, ClassifyCommand& request) {
  request.flags.add_to(command);
  command.add_option("files", request.files, "Pictures to classify")->required();
  command.add_flag("--json", request.json, "Print one JSON object per picture and line");
  command.add_flag("--alone", request.alone, "Do not use the running station");
}

constexpr std::size_t kShownMax = 40;
constexpr const char* kExitStatuses =
    "Exit status of every command: 0 done; 1 it failed; 2 the command line, a setting or a value "
    "is invalid; 130 cancelled. Files that exist are replaced with --overwrite only.";

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// CLI11 reports an unknown command as an unexpected argument, without the names of the others.
void check_command(const CLI::App& program, const std::string& where, int argc, char** argv) {
  if (argc < 1 || argv[0][0] == '-') return;
  const std::string name = argv[0];
  std::vector<std::string> names;
  for (const auto* command : program.get_subcommands({})) names.push_back(command->get_name());
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    const auto near = platform::near_names(name, names);
    std::string sentence = "unknown command '" + platform::cut(name, kShownMax) + "': ";
    if (!near.empty()) sentence += "did you mean " + listed(near) + "? ";
    throw Error(ErrorCode::kInvalidArgument, "",
                sentence + "the commands of '" + where + "' are " + listed(names));
  }
  const auto* command = program.get_subcommand(name);
  if (!command->get_subcommands({}).empty()) {
    check_command(*command, where + " " + name, argc - 1, argv + 1);
  }
}

int run(int argc, char** argv) {
  CLI::App program{"Atelier, a local AI image station"};
  program.set_version_flag("--version", std::string(platform::kVersion));
  program.require_subcommand(1);
  program.footer(kExitStatuses);
  FlagValues flags;
  GenerateCommand arguments;
  UpscaleCommand upscale_arguments;
  ClassifyCommand classify_arguments;
  std::function<int()> chosen;

  auto* serve_command = program.add_subcommand("serve", "Start the station");
  add_common(*serve_command, flags);
  add_setting(*serve_command, flags, "--host", "server.host", "Address to listen on");
  add_setting(*serve_command, flags, "--port", "server.port", "Port to listen on, 0: any");
  add_setting(*serve_command, flags, "--log-level", "log.level", "debug, info, warning or error");
  serve_command->callback([&] { chosen = [&] { return serve(load_settings(flags)); }; });

  auto* generate_command = program.add_subcommand("generate", "Make a picture from a prompt");
  add_common(*generate_command, flags);
  add_generate(*generate_command, arguments);
  generate_command->callback(
      [&] { chosen = [&] { return generate(load_settings(flags), arguments); }; });

  auto* upscale_command = program.add_subcommand("upscale", "Upscale a picture");
  add_common(*upscale_command, flags);
  add_upscale(*upscale_command, upscale_arguments);
  upscale_command->callback(
      [&] { chosen = [&] { return upscale(load_settings(flags), upscale_arguments); }; });

  auto* classify_command =
      program.add_subcommand("classify", "Print the labels of pictures with their scores");
  add_common(*classify_command, flags);
  add_classify(*classify_command, classify_arguments);
  classify_command->callback(
      [&] { chosen = [&] { return classify(load_settings(flags), classify_arguments); }; });

  auto* models_command = program.add_subcommand("models", "What is installed");
  models_command->require_subcommand(1);
  auto* list_command = models_command->add_subcommand("list", "List the installed models");
  add_common(*list_command, flags);
  list_command->callback([&] { chosen = [&] { return list_models(load_settings(flags)); }; });

  JobsCommand jobs_arguments;
  add_jobs_commands(
      program, jobs_arguments, [&](CLI::App& command) { add_common(command, flags); },
      [&](RunJobsCommand run) {
        chosen = [&, run] { return run(load_settings(flags), jobs_arguments); };
      });

  auto* doctor_command = program.add_subcommand("doctor", "Check this machine and report problems");
  add_common(*doctor_command, flags);
  doctor_command->callback([&] { chosen = [&] { return doctor(load_settings(flags)); }; });

  auto* openapi_command = program.add_subcommand("openapi", "Print the API's description");
  openapi_command->callback([&] {
    chosen = [] {
      std::printf("%s", http::openapi_document().c_str());
      return 0;
    };
  });

  check_command(program, "atelier", argc - 1, argv + 1);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : kExitInvalid;  // 0: --help and --version
  }
  return chosen();
}

// Until `serve` opens its own log, warnings and errors are written to standard error.
void write_log_line(platform::LogLevel level, std::string_view line) {
  if (level < platform::LogLevel::kWarning) return;
  std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
}

}  // namespace
}  // namespace atelier::app

int main(int argc, char** argv) {
  atelier::app::block_interruptions();
  atelier::platform::set_log_sink(atelier::app::write_log_line);
  try {
    return atelier::app::run(argc, argv);
  } catch (const atelier::Error& error) {
    const std::string sentence = error.what(), field = error.field() + ": ";
    const bool named = error.field().empty() || sentence.starts_with(field);
    std::fprintf(
        stderr, "atelier: %s\n",
        atelier::platform::without_control_characters(named ? sentence : field + sentence).c_str());
    return atelier::app::exit_status(error);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "atelier: %s\n",
                 atelier::platform::without_control_characters(error.what()).c_str());
    return 1;
  }
}
