// `atelier classify`: the labels of pictures with their scores, one picture after the other.
#include <algorithm>
#include <boost/describe.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/interruption.h"
#include "app/run_job.h"
#include "card/tasks/classify.h"
#include "platform/check.h"
#include "platform/error.h"
#include "platform/log.h"

namespace atelier::app {

// A line of `--json`. One of a picture that could not be classified has file and error only.
struct ClassifiedLine {
  std::string file, model, label;
  double score = 0;
  std::vector<card::LabelScore> labels;
  std::string flagged;
  int frame = 0, frames = 0, frames_total = 0;
};
BOOST_DESCRIBE_STRUCT(ClassifiedLine, (),
                      (file, model, label, score, labels, flagged, frame, frames, frames_total))

struct FailedLine {
  std::string file, error;
};
BOOST_DESCRIBE_STRUCT(FailedLine, (), (file, error))

namespace {

constexpr const char* kImage = "image";

std::vector<card::LabelScore> labels_of(const domain::JobResult& result) {
  std::vector<card::LabelScore> labels;
  CHECK(!result.outputs.empty());
  json::read_value(result.outputs.front().value, labels, "", nullptr);
  return labels;
}

std::string as_percent(double score) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * score);
  return text;
}

void print_text(const std::string& file, const card::ClassifyFacts& facts,
                const std::vector<card::LabelScore>& labels) {
  std::string line = file + ":";
  for (const auto& each : labels) line += "  " + each.label + " " + as_percent(each.score);
  if (facts.frames > 1) {
    line += "  (frame " + std::to_string(facts.frame) + "; " + std::to_string(facts.frames) +
            " of " + std::to_string(facts.frames_total) + " frames classified)";
  }
  std::printf("%s\n", platform::without_control_characters(line).c_str());
}

void print_result(const ClassifyCommand& command, const std::string& file,
                  const domain::JobResult& result) {
  const auto& facts = result.used.as<card::ClassifyFacts>();
  const auto labels = labels_of(result);
  if (command.json) {
    const ClassifiedLine line{file,          facts.model, facts.label,  facts.score,       labels,
                              facts.flagged, facts.frame, facts.frames, facts.frames_total};
    std::printf("%s\n", json::write_json(line).c_str());
  } else {
    print_text(file, facts, labels);
  }
  print_notes(facts.warnings);
}

void print_failure(const ClassifyCommand& command, const std::string& file, const Error& error) {
  if (command.json) std::printf("%s\n", json::write_json(FailedLine{file, error.what()}).c_str());
  const std::string sentence = error.what();
  const bool named = sentence.find("'" + file + "'") != std::string::npos;
  const auto field = error.field().empty() || error.field() == file ? "" : error.field() + ": ";
  std::fprintf(
      stderr, "atelier: %s\n",
      platform::without_control_characters((named ? "" : file + ": ") + field + sentence).c_str());
}

// The exit status for this file.
int classify_file(JobClient& client, ClassifyCommand& command, const std::string& file) {
  try {
    command.flags.set_file(kImage, file);
    const auto finished = run_job(client, command.flags.job());
    if (finished.cancelled()) return kExitCancelled;
    CHECK(finished.job.result);
    print_result(command, file, *finished.job.result);
    return 0;
  } catch (const Error& error) {
    print_failure(command, file, error);
    return exit_status(error);
  }
}

}  // namespace

ClassifyCommand::ClassifyCommand() : flags(card::classify_task(), {.left_out = {kImage}}) {}

int classify(const domain::Settings& settings, ClassifyCommand command) {
  command.flags.job();  // a flag that is wrong is refused before the first picture
  const auto where = command.alone ? RunsWhere::kThisProcess : RunsWhere::kStationIfRunning;
  const auto client = open_job_client(settings, where);
  int status = 0;
  for (const auto& file : command.files) {
    const int of_file = classify_file(*client, command, file);
    if (of_file == kExitCancelled || interrupted()) {
      std::fprintf(stderr, "cancelled\n");
      return kExitCancelled;
    }
    std::fflush(stdout);  // a line is there as soon as its picture is done
    status = std::max(status, of_file);
  }
  return status;
}

}  // namespace atelier::app
