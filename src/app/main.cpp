// atelier: the station and the commands that use it. Reads the command line, prints failures as
// sentences, returns 0, 1 (it failed), 2 (the command line or a setting is wrong).
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <functional>

#include "app/commands.h"
#include "app/interruption.h"
#include "app/paths.h"
#include "platform/version.h"
#include "http/server.h"
#include "platform/error.h"
#include "platform/log.h"

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

template <class Value>
void add_optional(CLI::App& command, const std::string& name, std::optional<Value>& to,
                  const std::string& help) {
  command.add_option_function<Value>(name, [&to](const Value& value) { to = value; }, help);
}

void add_generate(CLI::App& command, GenerateCommand& arguments) {
  auto& input = arguments.input;
  command.add_option("prompt", input.prompt, "What to draw")->required();
  command.add_option("-o,--output", arguments.output, "File to write (PNG); a batch is numbered");
  command.add_option("--model", input.model, "Model id; the default is the starter model");
  add_optional(command, "--negative", input.negative_prompt, "What to avoid");
  command.add_option("--size", arguments.size, "WxH, multiples of 8 from 64 to 2048");
  add_optional(command, "--steps", input.steps, "Denoising steps, 1 to 1000");
  add_optional(command, "--cfg", input.guidance, "Guidance scale");
  add_optional(command, "--guidance-rescale", input.guidance_rescale, "0 to 1");
  command.add_option("--sampler", input.sampler, "Sampler, e.g. 'DPM++ 2M'");
  command.add_option("--schedule", input.schedule, "Schedule, e.g. karras");
  command.add_option("--seed", arguments.seed, "Seed of the first picture; -1: any");
  command.add_option("--batch", input.batch, "Pictures, 1 to 16; picture i has seed + i");
  command.add_option("--image", arguments.image, "Picture to start from");
  command.add_option("--mask", arguments.mask, "White is painted anew");
  command.add_option("--fit", arguments.fit,
                     "How the picture meets the size: stretch, cover, contain");
  command.add_option("--matte", input.matte,
                     "Colour behind the picture's transparent parts: #rrggbb, white, black, grey");
  command.add_flag("!--no-keep-outside", input.keep_outside,
                   "The model's own result outside the mask, too");
  add_optional(command, "--strength", input.strength, "How much changes, above 0 to 1");
  command.add_option("--clip-skip", input.clip_skip, "2 is the last layer but one");
  command.add_option("--dtype", input.dtype, "fp32, bf16 or fp16");
  command.add_flag("--exact-size", input.exact_size, "Never make small and enlarge");
  command.add_flag("--precise", input.precise, "No fast paths that move the numbers");
  command.add_flag("--tile-vae", input.tile_vae, "Decode in tiles, with less memory");
  command.add_flag("--alone", arguments.alone, "Do not use the running station");
}

int run(int argc, char** argv) {
  CLI::App program{"Atelier, a local AI image station"};
  program.set_version_flag("--version", std::string(platform::kVersion));
  program.require_subcommand(1);
  FlagValues flags;
  GenerateCommand arguments;
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

  auto* models_command = program.add_subcommand("models", "What is installed");
  models_command->require_subcommand(1);
  auto* list_command = models_command->add_subcommand("list", "List the installed models");
  add_common(*list_command, flags);
  list_command->callback([&] { chosen = [&] { return list_models(load_settings(flags)); }; });

  auto* doctor_command = program.add_subcommand("doctor", "Say what is wrong and what to do");
  add_common(*doctor_command, flags);
  doctor_command->callback([&] { chosen = [&] { return doctor(load_settings(flags)); }; });

  auto* openapi_command = program.add_subcommand("openapi", "Print the API's description");
  openapi_command->callback([&] {
    chosen = [] {
      std::printf("%s", http::openapi_document().c_str());
      return 0;
    };
  });

  CLI11_PARSE(program, argc, argv);
  return chosen();
}

// Until `serve` opens its own log: warnings and errors are for the person at the terminal.
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
    std::fprintf(stderr, "atelier: %s\n",
                 atelier::platform::without_control_characters(error.what()).c_str());
    return error.code() == atelier::ErrorCode::kInvalidArgument ? 2 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "atelier: %s\n",
                 atelier::platform::without_control_characters(error.what()).c_str());
    return 1;
  }
}
