#include "app/jobs_arguments.h"

#include <string>

namespace atelier::app {
namespace {

constexpr const char* kPriorities = "3 immediate, 2 interactive, 1 preload, 0 background";
constexpr int kPriorityMax = 3;
constexpr int kListMax = 500;

void add_priority(CLI::App& command, JobsCommand& arguments, const std::string& help) {
  command.add_option("--priority", arguments.priority, help + ": " + kPriorities)
      ->check(CLI::Range(0, kPriorityMax));
}

void add_filter(CLI::App& command, JobsCommand& arguments) {
  command.add_flag("--all", arguments.all, "All of them");
  command.add_option("--client", arguments.client, "Those of the client with this name");
  command.add_option("--task", arguments.task, "Those of the task with this id");
  add_priority(command, arguments, "Those of the priority");
}

CLI::Option* add_ids(CLI::App& command, JobsCommand& arguments) {
  return command.add_option("jobs", arguments.ids, "Ids of jobs");
}

}  // namespace

void add_jobs_commands(CLI::App& program, JobsCommand& arguments,
                       const std::function<void(CLI::App&)>& add_common,
                       const std::function<void(RunJobsCommand)>& choose) {
  auto* jobs = program.add_subcommand("jobs", "The queue and the jobs of the running station");
  jobs->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, RunJobsCommand run) {
    auto* command = jobs->add_subcommand(name, help);
    add_common(*command);
    command->callback([choose, run] { choose(run); });
    return command;
  };

  auto* list = add("list", "List jobs, the newest first", list_jobs);
  list->add_option("--state", arguments.state,
                   "queued, running, succeeded, failed, cancelled; several with commas");
  list->add_option("--client", arguments.client, "Only those of the client with this name");
  list->add_option("--task", arguments.task, "Only those of the task with this id");
  list->add_option("--limit", arguments.limit, "How many at most")->check(CLI::Range(1, kListMax));

  auto* pause = add("pause", "Start no more jobs; what runs goes on", pause_jobs);
  add_priority(*pause, arguments, "Only of this priority");
  auto* resume = add("resume", "Start jobs of paused priorities again", resume_jobs);
  add_priority(*resume, arguments, "Only of this priority");

  auto* cancel =
      add("cancel", "Cancel jobs by their ids, or jobs that wait by a filter", cancel_jobs);
  add_ids(*cancel, arguments);
  add_filter(*cancel, arguments);

  auto* retry =
      add("retry", "Run ended jobs again by their ids, or failed ones by a filter", retry_jobs);
  add_ids(*retry, arguments);
  add_filter(*retry, arguments);
  retry->add_flag("--cancelled", arguments.cancelled, "Cancelled ones instead of failed ones");

  auto* replay = add("replay", "Run an ended job again, with its seed or a new one", replay_job);
  add_ids(*replay, arguments)->required()->expected(1);
  replay->add_flag("--new-seed", arguments.new_seed, "Draw a new seed");

  auto* front =
      add("front", "Move jobs that wait before the others of their priority", move_jobs_to_front);
  add_ids(*front, arguments)->required();

  auto* priority = add("priority", "Give a job that waits another priority", set_job_priority);
  // Of its own: a list takes all that follows.
  priority
      ->add_option_function<std::string>(
          "job", [&arguments](const std::string& id) { arguments.ids = {id}; }, "Id of a job")
      ->required();
  priority->add_option("priority", arguments.priority, kPriorities)
      ->required()
      ->check(CLI::Range(0, kPriorityMax));
}

}  // namespace atelier::app
