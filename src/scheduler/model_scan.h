// Scans for installed models: lists the folders, has a worker inspect each candidate, and
// delivers the whole list. Scheduler thread only. A candidate that cannot be used keeps its
// sentence; one that ends two workers is reported as such and skipped. Candidates whose files have
// not changed are not inspected again.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "domain/catalog/catalog.h"
#include "platform/error.h"
#include "scheduler/inbox.h"
#include "scheduler/media_pool.h"
#include "scheduler/model_folders.h"
#include "scheduler/worker_session.h"

namespace atelier::scheduler {

class ModelScan {
 public:
  using Done = std::function<void(std::vector<domain::InstalledModel>)>;

  // The worker that inspects the next candidate; null: none is ready.
  using PickWorker = std::function<WorkerSession*()>;

  ModelScan(ModelFolders folders, PickWorker pick, MediaPool& pool, Inbox& inbox, Done done);

  // Scans again, after the present scan if there is one; `answered` is called when that is done.
  void request(std::function<void()> answered);
  // Scans again later when a file was found that was being written.
  void tick(WorkerSession::Clock::time_point now);
  void worker_ready(const protocol::HelloReply& hello);
  void worker_lost(const WorkerSession& worker, const WorkerEnd& end);

 private:
  void begin();
  void answer();
  void inspect_next();
  void inspected(const card::ModelCard& card, const std::optional<Error>& failure);
  void keep(const ModelCandidate& candidate, card::ModelCard card, const std::string& problem);
  const domain::InstalledModel* known(const ModelCandidate& candidate) const;

  ModelFolders folders_;
  PickWorker pick_;
  MediaPool& pool_;
  Inbox& inbox_;
  Done done_;
  bool requested_ = true, listing_ = false, open_ = false;
  std::string engine_;                                    // that the inspections are of
  std::vector<card::ModelCard> own_cards_;                // of the engine itself
  std::vector<std::function<void()>> asked_, answering_;  // of the next scan, of this one
  std::deque<ModelCandidate> waiting_;
  std::optional<ModelCandidate> under_inspection_;
  WorkerSession* inspector_ = nullptr;  // the worker that it was sent to
  std::int64_t request_ = 0;            // its inspection
  std::string suspect_;                 // path of the file at which the last worker ended
  std::vector<domain::InstalledModel> found_;
  std::map<std::string, std::string> logged_;  // problems, by id
  std::optional<WorkerSession::Clock::time_point> again_at_;
  std::map<std::string, domain::InstalledModel> known_;  // by id, as this worker's engine sees them
};

}  // namespace atelier::scheduler
