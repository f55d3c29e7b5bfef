#include "station_life.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "json_fields.h"
#include "processes.h"

namespace atelier::chaos {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// Generous, because the test runs on small machines with other programs.
constexpr auto kReplyWithin = 60s;
constexpr auto kStopWithin = 60s;
constexpr auto kOrphansEndWithin = 30s;
constexpr auto kCrashWithin = 2s;

fs::path new_folder() {
  std::string name = (fs::temp_directory_path() / "atelier-chaos-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  return name;
}

// Outside the range from which the system takes the ports of clients: one of them could otherwise
// take the station's port while that is down, or be connected to itself.
int free_port(Dice& dice) {
  while (true) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int port = dice.between(20'000, 32'000);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool is_free =
        ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(socket);
    if (is_free) return port;
  }
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

StationLife::StationLife(Journal& journal, Ledger& ledger, std::uint64_t seed, int queued_max)
    : journal_(journal),
      ledger_(ledger),
      dice_(seed),
      queued_max_(queued_max),
      folder_(new_folder()),
      port_(free_port(dice_)) {
  // What a killed station leaves behind becomes a child of this process.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  std::ofstream(folder_ / "disk", std::ios::binary) << std::string(sizeof(std::int64_t), '\xff');
  station_ = std::make_unique<api::StationProcess>(next_options());
  takes_keys_ = has(station_->ask("GET", "/openapi.json").body, "Idempotency-Key");
}

StationLife::~StationLife() {
  if (journal_.failed()) station_->keep_home();
  station_.reset();
  fs::remove_all(folder_);
}

// The switches of the fake engine are others at each start.
api::StationOptions StationLife::next_options() {
  std::ofstream{crash_mark()} << "not now";
  api::StationOptions options;
  options.port = port_;
  options.fake = "step_ms=" + std::to_string(dice_.between(1, 4)) +
                 ",load_ms=" + std::to_string(dice_.between(0, 20)) +
                 ",running_max=" + std::to_string(dice_.between(1, 2)) +
                 ",crash_once=" + crash_mark().string();
  if (dice_.one_in(2)) options.fake += ",words=30";
  if (dice_.one_in(4)) options.fake += ",memory_mb=16";
  memory_runs_out_ = dice_.one_in(4) ? Ledger::MemoryRunsOut::kYes : Ledger::MemoryRunsOut::kNo;
  if (memory_runs_out_ == Ledger::MemoryRunsOut::kYes) {
    ledger_.add(Cause::kOutOfMemory);
    options.fake += ",oom_once";
  }
  options.environment = {"LD_PRELOAD=" ATELIER_BIN_DIR "/libfaulty_disk.so",
                         "ATELIER_FAULTY_DISK=" + (folder_ / "disk").string(), "TMPDIR=/tmp",
                         "ATELIER_QUEUE_MAX=" + std::to_string(queued_max_)};
  return options;
}

Answer StationLife::ask(std::string_view method, std::string_view path, std::string_view body,
                        const std::string& fields) {
  Answer answer;
  const int generation = generation_;
  if (generation % 2 != 0) {
    std::this_thread::sleep_for(10ms);
    return answer;
  }
  const auto begin = Clock::now();
  http::RawClient client{port()};
  client.patience = kReplyWithin;
  client.request(method, path, body, fields);
  answer.reply = client.reply(method == "HEAD");
  answer.owed = generation == generation_;
  answer.took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
  check(method, path, answer);
  return answer;
}

void StationLife::check(std::string_view method, std::string_view path, const Answer& answer) {
  if (!answer.owed) return;
  const auto& reply = answer.reply;
  const std::string request = std::string{method} + " " + std::string{path};
  if (reply.status == 0) {
    journal_.violation(request + " got no reply in " + std::to_string(answer.took.count()) + " ms");
  }
  if (reply.status >= 500 && !is_excused(path, reply)) {
    journal_.violation(request + " got " + std::to_string(reply.status) + ": " + reply.body);
  }
}

bool StationLife::is_excused(std::string_view path, const http::RawReply& reply) const {
  const auto& text = reply.body;
  if (ledger_.since_calm(Cause::kFullDisk) &&
      (has(text, "free some") || has(text, "No space left") || has(text, "disk is full"))) {
    return true;
  }
  if (!path.starts_with("/v1/")) return false;  // the others answer with the outcome of a job
  return (ledger_.since_calm(Cause::kWorkerEnd) && has(text, "worker")) ||
         (ledger_.since_calm(Cause::kOutOfMemory) && has(text, "out of memory")) ||
         (ledger_.since_calm(Cause::kDecoderEnd) && has(text, "picture"));
}

boost::json::value StationLife::json(std::string_view path) {
  const auto answer = ask("GET", path);
  return answer.reply.status == 200 ? parsed(answer.reply.body) : bj::value{};
}

void StationLife::start() {
  bool started = station_->start_again(next_options());
  if (!started && disk_is_full_ && station_->end_status() == 1) {
    journal_.note("the start is refused, because the disk is full");
    free_disk();
    started = station_->start_again(next_options());
  }
  if (!started) {
    journal_.violation("the station does not start: status " +
                       std::to_string(station_->end_status()));
  }
  reap();
  ++generation_;
}

void StationLife::kill() {
  ledger_.add(Cause::kStationCrash);
  ++generation_;
  station_->crash();
  start();
}

void StationLife::end() {
  ++generation_;
  const int status = station_->stop(kStopWithin);
  if (status != 0) {
    journal_.violation("the station ended with status " + std::to_string(status) +
                       " after SIGTERM");
  }
}

void StationLife::stop() {
  end();
  start();
}

void StationLife::leave_on_disk(std::int64_t bytes) {
  if (bytes >= 0) ledger_.add(Cause::kFullDisk);
  disk_is_full_ = bytes >= 0;
  std::fstream file(folder_ / "disk", std::ios::in | std::ios::out | std::ios::binary);
  file.write(reinterpret_cast<const char*>(&bytes), sizeof bytes);
}

void StationLife::free_disk() {
  if (disk_is_full_) leave_on_disk(-1);
}

bool StationLife::crash_at_next_step() {
  for (int i = 0; i < 2; ++i) ledger_.add(Cause::kWorkerEnd);  // both workers may come to it
  fs::remove(crash_mark());
  const auto until = Clock::now() + kCrashWithin;
  while (Clock::now() < until && !fs::exists(crash_mark())) std::this_thread::sleep_for(10ms);
  if (fs::exists(crash_mark())) return true;
  std::ofstream{crash_mark()} << "not now";
  return false;
}

void StationLife::reap() {
  for (const auto& child : children_of(::getpid())) {
    int status = 0;
    if (child.pid != station_->pid()) ::waitpid(child.pid, &status, WNOHANG);
  }
}

void StationLife::expect_no_orphans() {
  const auto until = Clock::now() + kOrphansEndWithin;
  while (true) {
    reap();
    std::string orphans;
    for (const auto& child : children_of(::getpid())) {
      if (child.pid == station_->pid()) continue;
      orphans += " " + child.name + " (" + std::to_string(child.pid) + ", " + child.state + ")";
    }
    if (orphans.empty()) return;
    if (Clock::now() > until) return journal_.violation("left by ended stations:" + orphans);
    std::this_thread::sleep_for(20ms);
  }
}

}  // namespace atelier::chaos
