#include "scheduler/model_scan.h"

#include <memory>
#include <utility>

#include "platform/log.h"

namespace atelier::scheduler {
namespace {

std::string last_part(const std::string& id) { return id.substr(id.rfind('/') + 1); }

}  // namespace

ModelScan::ModelScan(ModelFolders folders, Supervisor& worker, MediaPool& pool, Inbox& inbox,
                     Done done)
    : folders_(std::move(folders)),
      worker_(worker),
      pool_(pool),
      inbox_(inbox),
      done_(std::move(done)) {}

void ModelScan::request(std::function<void()> answered) {
  requested_ = true;
  asked_.push_back(std::move(answered));
  begin();
}

void ModelScan::worker_ready(const protocol::HelloReply& hello) {
  ready_ = true;
  own_cards_ = hello.cards;
  if (open_) {
    inspect_next();
  } else {
    begin();
  }
}

void ModelScan::begin() {
  if (!requested_ || open_ || listing_ || !ready_) return;
  requested_ = false;
  listing_ = true;
  answering_ = std::exchange(asked_, {});
  // Folders may lie on slow disks: the listing is no work for the scheduler's thread.
  pool_.post(
      [this](Decoder&) {
        auto listed =
            std::make_shared<std::vector<ModelCandidate>>(find_model_candidates(folders_));
        inbox_.post([this, listed] {
          listing_ = false;
          open_ = true;
          found_.clear();
          waiting_.assign(listed->begin(), listed->end());
          for (const auto& card : own_cards_) {
            found_.push_back(
                {.card = card, .path = "", .source = "engine", .size_bytes = 0, .problem = ""});
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
  if (!ready_ || under_inspection_) return;
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
  request_ =
      worker_.request(request, {}, [this](const protocol::Message& message) -> Supervisor::Deed {
        if (message.kind == protocol::Message::Kind::kFailure) {
          return [this, problem = message.failure] { inspected({}, problem); };
        }
        return
            [this, card = message.body_as<protocol::InspectReply>().card] { inspected(card, ""); };
      });
}

void ModelScan::inspected(const card::ModelCard& card, const std::string& problem) {
  if (!under_inspection_) return;
  const ModelCandidate candidate = std::move(*under_inspection_);
  under_inspection_.reset();
  keep(candidate, card, problem);
  inspect_next();
}

void ModelScan::keep(const ModelCandidate& candidate, card::ModelCard card,
                     const std::string& problem) {
  card.id = candidate.id;
  if (card.title.empty()) card.title = last_part(candidate.id);
  if (card.task.empty()) card.task = "generation";
  if (!problem.empty()) {
    platform::log_warning("model '" + candidate.id + "' cannot be used: " + problem);
  }
  found_.push_back({.card = std::move(card),
                    .path = candidate.path,
                    .source = candidate.source,
                    .size_bytes = candidate.size_bytes,
                    .problem = without_place(problem, candidate.path)});
}

// A file is named as the reason when two workers ended while they read it, and no other request was
// in front of it.
void ModelScan::worker_lost(const WorkerEnd& end) {
  ready_ = false;
  if (!under_inspection_) return;
  ModelCandidate candidate = std::move(*under_inspection_);
  under_inspection_.reset();
  const bool reading = end.own_fault && end.under_way == request_;
  if (reading && suspect_ == candidate.path) {
    return keep(candidate, {}, "the worker " + end.sentence + " while it read the file");
  }
  if (reading) suspect_ = candidate.path;
  waiting_.push_front(std::move(candidate));
}

}  // namespace atelier::scheduler
