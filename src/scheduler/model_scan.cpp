#include "scheduler/model_scan.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "platform/log.h"

namespace atelier::scheduler {
namespace {

std::string last_part(const std::string& id) { return id.substr(id.rfind('/') + 1); }

}  // namespace

ModelScan::ModelScan(ModelFolders folders, PickWorker pick, MediaPool& pool, Inbox& inbox,
                     Done done)
    : folders_(std::move(folders)),
      pick_(std::move(pick)),
      pool_(pool),
      inbox_(inbox),
      done_(std::move(done)) {}

void ModelScan::request(std::function<void()> answered) {
  requested_ = true;
  asked_.push_back(std::move(answered));
  begin();
}

void ModelScan::tick(WorkerSession::Clock::time_point now) {
  if (!again_at_ || now < *again_at_) return;
  again_at_.reset();
  request([] {});
}

void ModelScan::worker_ready(const protocol::HelloReply& hello) {
  own_cards_ = hello.cards;
  const auto engine = hello.engine ? hello.engine->name + " " + hello.engine->libtorch : "";
  if (std::exchange(engine_, engine) != engine) known_.clear();  // it may take other files
  if (open_) {
    inspect_next();
  } else {
    begin();
  }
}

void ModelScan::begin() {
  if (!requested_ || open_ || listing_ || pick_() == nullptr) return;
  requested_ = false;
  listing_ = true;
  answering_ = std::exchange(asked_, {});
  // Folders may be on slow disks: they are not listed on the scheduler's thread.
  pool_.post(
      [this](Decoder&) {
        auto listed =
            std::make_shared<std::vector<ModelCandidate>>(find_model_candidates(folders_));
        inbox_.post([this, listed] {
          listing_ = false;
          open_ = true;
          found_.clear();
          waiting_.assign(listed->begin(), listed->end());
          const bool settled = std::ranges::all_of(waiting_, &ModelCandidate::settled);
          // By then they are complete, or still being written.
          if (!settled) again_at_ = WorkerSession::Clock::now() + folders_.settled_after * 5 / 4;
          for (const auto& card : own_cards_) {
            found_.push_back({.card = card,
                              .path = "",
                              .source = "engine",
                              .size_bytes = 0,
                              .files_version = 0,
                              .problem = ""});
          }
          inspect_next();
        });
      },
      [this](const Error& error) {
        platform::log_error(std::string("the model folders cannot be read: ") + error.what());
        inbox_.post([this] {
          listing_ = false;
          answer();
        });
      },
      MediaPool::For::kStation);
}

void ModelScan::answer() {
  for (const auto& answered : std::exchange(answering_, {})) answered();
}

void ModelScan::inspect_next() {
  if (under_inspection_) return;
  inspector_ = pick_();
  if (inspector_ == nullptr) return;
  while (!waiting_.empty()) {
    const auto* same = known(waiting_.front());
    if (same == nullptr) break;
    found_.push_back(*same);
    waiting_.pop_front();
  }
  if (waiting_.empty()) {
    open_ = false;
    done_(std::move(found_));
    found_.clear();
    answer();
    return begin();
  }
  under_inspection_ = std::move(waiting_.front());
  waiting_.pop_front();
  protocol::InspectRequest request;
  request.model = protocol::model_files(under_inspection_->id, under_inspection_->path);
  request_ = inspector_->supervisor().request(
      request, {}, [this](const protocol::Message& message) -> Supervisor::Deed {
        if (message.kind == protocol::Message::Kind::kFailure) {
          return [this, failure = message.error()] { inspected({}, failure); };
        }
        return
            [this, card = message.body_as<protocol::InspectReply>().card] { inspected(card, {}); };
      });
}

void ModelScan::inspected(const card::ModelCard& card, const std::optional<Error>& failure) {
  if (!under_inspection_) return;
  const ModelCandidate candidate = std::move(*under_inspection_);
  under_inspection_.reset();
  keep(candidate, card, failure ? failure->what() : "");
  // Temporary failures are inspected again: files that are being written, a lack of memory.
  const bool lasting = !failure || failure->code() == ErrorCode::kUnsupported ||
                       failure->code() == ErrorCode::kCorruptData;
  if (lasting && candidate.settled) {
    known_[candidate.id] = found_.back();
  } else {
    known_.erase(candidate.id);
  }
  inspect_next();
}

const domain::InstalledModel* ModelScan::known(const ModelCandidate& candidate) const {
  const auto before = known_.find(candidate.id);
  if (before == known_.end() || !candidate.settled) return nullptr;
  const auto& model = before->second;
  const bool same = model.path == candidate.path && model.files_version == candidate.files_version;
  return same ? &model : nullptr;
}

void ModelScan::keep(const ModelCandidate& candidate, card::ModelCard card,
                     const std::string& problem) {
  card.id = candidate.id;
  if (card.title.empty()) card.title = last_part(candidate.id);
  auto& logged = logged_[candidate.id];
  if (!problem.empty() && problem != logged) {
    platform::log_warning("model '" + candidate.id + "' cannot be used: " + problem);
  }
  logged = problem;
  found_.push_back({.card = std::move(card),
                    .path = candidate.path,
                    .source = candidate.source,
                    .size_bytes = candidate.size_bytes,
                    .files_version = candidate.files_version,
                    .problem = without_place(problem, candidate.path)});
}

// A file is reported as the reason when two workers ended while they read it, with no other request
// in front of it.
void ModelScan::worker_lost(const WorkerSession& worker, const WorkerEnd& end) {
  if (!under_inspection_ || inspector_ != &worker) return;
  ModelCandidate candidate = std::move(*under_inspection_);
  under_inspection_.reset();
  const bool reading = end.own_fault && end.under_way == request_;
  if (reading && suspect_ == candidate.path) {
    keep(candidate, {}, "the worker " + end.sentence + " while it read the file");
    return inspect_next();
  }
  if (reading) suspect_ = candidate.path;
  waiting_.push_front(std::move(candidate));
  inspect_next();
}

}  // namespace atelier::scheduler
