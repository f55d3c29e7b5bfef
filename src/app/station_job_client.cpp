// The JobClient that uses the native API of the running station.
#include <filesystem>
#include <thread>

#include "app/address_file.h"
#include "app/http_client.h"
#include "app/job_client.h"
#include "app/station_api.h"
#include "card/all_tasks.h"
#include "http/base64.h"
#include "http/endpoints/job_view.h"
#include "platform/error.h"

namespace atelier::app {

struct SeenEvent {
  http::JobView job;
};
BOOST_DESCRIBE_STRUCT(SeenEvent, (), (job))

struct SeenModel {
  std::string id, title, task, source, problem;
  std::int64_t size_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(SeenModel, (), (id, title, task, source, problem, size_bytes))

struct SeenModels {
  std::vector<SeenModel> models;
};
BOOST_DESCRIBE_STRUCT(SeenModels, (), (models))

namespace {

using domain::Job;

constexpr std::chrono::milliseconds kReconnect{500};

Job job_of(const http::JobView& view) {
  const auto& task = card::task_named(view.task);
  Job job;
  job.id = view.id;
  job.state = domain::job_state_from_name(view.state).value_or(domain::JobState::kQueued);
  job.attempt = view.attempt;
  job.reason = view.reason;
  job.input.parameters = card::TaskInput(task, view.input);
  const auto& progress = view.progress;
  job.progress = {{progress.stage, progress.step, progress.total, progress.eta_seconds,
                   progress.steps_per_second},
                  progress.fraction,
                  progress.preview_artifact,
                  progress.part};
  if (view.result) {
    job.result.emplace();
    for (const auto& output : view.result->outputs) {
      job.result->outputs.push_back(
          {output.kind, output.artifact, output.media_type, output.value});
    }
    job.result->used = card::TaskFacts(task, view.result->used);
    job.result->timing = view.result->timing;
  }
  if (view.failure) {
    job.failure = domain::JobFailure{error_code_from_name(view.failure->code),
                                     view.failure->sentence, member_of(view.failure->field)};
  }
  return job;
}

std::string body_of(const scheduler::NewJob& request) {
  auto input = request.input.parameters.members();
  for (const auto& [role, bytes] : request.attachments) {
    input[role] = http::base64_encode(bytes);
  }
  std::string body;
  json::append_value(body, boost::json::object{{"task", request.input.task()},
                                               {"priority", request.priority},
                                               {"input", std::move(input)}});
  return body;
}

class StationJobClient final : public JobClient {
 public:
  StationJobClient(std::unique_ptr<HttpClient> client, std::string home)
      : client_(std::move(client)), home_(std::move(home)) {}

  std::string place() const override { return "the station at " + client_->url(); }

  Job run(const scheduler::NewJob& request, const Watch& watch,
          const std::function<bool()>& interrupted) override {
    const auto reply = client_->post("/api/v1/jobs", body_of(request));
    const auto accepted =
        json::read_json<http::JobView>(checked(reply, client_->url(), request.names));
    return follow(accepted.id, watch, interrupted);
  }

  scheduler::Picture artifact(const std::string& id) override {
    auto reply = client_->get("/api/v1/artifacts/" + id);
    checked(reply, client_->url());
    return {{reply.body.begin(), reply.body.end()}, reply.content_type};
  }

  std::vector<ModelLine> models() override {
    const auto seen =
        json::read_json<SeenModels>(checked(client_->get("/api/v1/models"), client_->url()));
    std::vector<ModelLine> lines;
    for (const auto& model : seen.models) {
      lines.push_back(
          {model.id, model.title, model.task, model.source, model.problem, model.size_bytes});
    }
    return lines;
  }

 private:
  // Reads the event stream; reconnects when it breaks, and polls the job in between.
  Job follow(const std::string& id, const Watch& watch, const std::function<bool()>& interrupted) {
    const auto path = "/api/v1/jobs/" + id;
    for (;;) {
      std::optional<Job> ended;
      bool is_text = false;  // a piece of the output, which comes whole with the job's end
      client_->stream(
          path + "/events",
          [&](std::string_view line) {
            if (line.starts_with("event:")) {
              is_text = line.substr(6).find(domain::kTextEvent) != std::string_view::npos;
            }
            if (is_text || !line.starts_with("data:")) return true;
            const auto job = job_of(json::read_json<SeenEvent>(line.substr(5)).job);
            watch(job);
            if (domain::is_terminal(job.state)) ended = job;
            return !ended;
          },
          [&] { return !interrupted(); });
      if (ended) return *ended;
      check_still_there();
      if (interrupted()) checked(client_->post(path + "/cancel", "{}"), client_->url());
      std::this_thread::sleep_for(kReconnect);
      check_still_there();
      const auto job =
          job_of(json::read_json<http::JobView>(checked(client_->get(path), client_->url())));
      if (domain::is_terminal(job.state)) return job;
    }
  }

  // Another program may use the address later: the key is sent only after /health has answered.
  void check_still_there() const {
    if (running_address(home_) != client_->url()) checked({}, client_->url());
  }

  std::unique_ptr<HttpClient> client_;
  std::string home_;
};

}  // namespace

std::unique_ptr<JobClient> find_station(const domain::Settings& settings) {
  auto api = find_station_api(settings);
  if (!api) return nullptr;
  return std::make_unique<StationJobClient>(std::move(api), settings.home);
}

}  // namespace atelier::app
