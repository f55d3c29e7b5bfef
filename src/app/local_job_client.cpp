// The JobClient that runs jobs in this process, on a temporary database.
#include <chrono>

#include "app/job_client.h"
#include "app/station.h"
#include "http/endpoints/submission.h"
#include "platform/error.h"
#include "platform/queue.h"

namespace atelier::app {
namespace {

using domain::Job;

constexpr std::chrono::milliseconds kPoll{100};  // interval at which an interruption is polled
constexpr std::chrono::seconds kNoticePatience{2};

class LocalJobClient final : public JobClient {
 public:
  explicit LocalJobClient(const domain::Settings& settings)
      : station_(settings, folder_.path(), {}) {}

  std::string place() const override { return "this process"; }

  Job run(const scheduler::NewJob& request, const Watch& watch,
          const std::function<bool()>& interrupted) override {
    auto& scheduler = station_.scheduler();
    std::string id;
    http::with_names(request.names, [&] { id = scheduler.submit(request).id; });
    platform::Queue<Job> jobs;  // as it is after each event; pushed by the scheduler's thread
    const auto subscription =
        scheduler.subscribe(id, 0, [&jobs](const scheduler::SharedEvent& event) {
          // A piece of text is not shown: the output comes whole with the job's end.
          if (event->type != domain::kTextEvent) jobs.push(Job{event->job});
        });
    for (bool cancelled = false;;) {
      if (interrupted() && !cancelled) {
        cancelled = true;
        scheduler.cancel(id);
      }
      const auto job = jobs.take(kPoll);
      if (!job) {
        give_up_on(scheduler.status().notices);
        continue;
      }
      watch(*job);
      if (domain::is_terminal(job->state)) return *job;
    }
  }

  scheduler::Picture artifact(const std::string& id) override {
    return station_.scheduler().artifact(id);
  }

  std::vector<ModelLine> models() override {
    station_.scheduler().wait_for_models();
    std::vector<ModelLine> lines;
    const auto installed = station_.scheduler().models();
    for (const auto& model : *installed.models) {
      lines.push_back({model.card.id, model.card.title, domain::kind_of(model.card), model.source,
                       model.problem, model.size_bytes});
    }
    return lines;
  }

 private:
  // A station waits until a full disk has space again; a command reports the problem instead.
  void give_up_on(const std::vector<std::string>& notices) {
    silent_polls_ = notices.empty() ? 0 : silent_polls_ + 1;
    if (silent_polls_ * kPoll >= kNoticePatience) {
      throw Error(ErrorCode::kInternal, notices.front());
    }
  }

  TemporaryFolder folder_;
  Station station_;
  int silent_polls_ = 0;  // without an event, while a problem is reported
};

}  // namespace

std::unique_ptr<JobClient> open_local_job_client(const domain::Settings& settings) {
  return std::make_unique<LocalJobClient>(settings);
}

}  // namespace atelier::app
