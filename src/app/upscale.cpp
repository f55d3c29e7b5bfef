// `atelier upscale`: enlarges the picture in a file.
#include <cstdio>

#include "app/commands.h"
#include "app/run_job.h"
#include "card/tasks/upscale.h"
#include "platform/check.h"

namespace atelier::app {

UpscaleCommand::UpscaleCommand() : flags(card::upscale_task(), {.positional = "image"}) {}

int upscale(const domain::Settings& settings, const UpscaleCommand& command) {
  check_picture_files(command.output, 1, command.flags.files());
  const auto where = command.alone ? RunsWhere::kThisProcess : RunsWhere::kStationIfRunning;
  const auto request = command.flags.job();
  const auto client = open_job_client(settings, where);
  const auto finished = run_job(*client, request);
  if (finished.cancelled()) {
    std::fprintf(stderr, "cancelled\n");
    return kExitCancelled;
  }
  save_pictures(*client, finished.job, command.output);
  CHECK(finished.job.result);
  const auto& used = finished.job.result->used.as<card::UpscaleFacts>();
  print_notes(used.warnings);
  std::fprintf(stderr, "%dx%d to %dx%d, %d tiles, %s, %.1f s by %s\n", used.source_width,
               used.source_height, used.width, used.height, used.tiles, used.model.c_str(),
               finished.seconds, client->place().c_str());
  return 0;
}

}  // namespace atelier::app
