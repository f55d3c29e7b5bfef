#include "station_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

extern char** environ;

namespace atelier::api {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0) std::abort();
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(socket);
  return ntohs(address.sin_port);
}

fs::path new_home() {
  std::string name = (fs::temp_directory_path() / "atelier-api-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  return name;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (auto& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

}  // namespace

fs::path StationProcess::program() {
  const char* folder = std::getenv("ATELIER_BIN");
  return fs::path{folder != nullptr ? folder : ATELIER_BIN_DIR} / "atelier";
}

StationProcess::StationProcess(const StationOptions& options)
    : home_(new_home()), port_(options.port != 0 ? options.port : free_port()) {
  start(options);
  if (wait_until_ready(options.key)) return;
  std::fprintf(stderr, "the station did not start:\n%s\n", log().c_str());
  stop();
  std::abort();
}

bool StationProcess::start_again(const StationOptions& options) {
  start(options);
  return wait_until_ready(options.key);
}

void StationProcess::crash() {
  ::kill(pid_, SIGKILL);
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
}

StationProcess::~StationProcess() {
  stop();
  std::error_code ignored;
  if (!keeps_home_) fs::remove_all(home_, ignored);
}

void StationProcess::keep_home() { keeps_home_ = true; }

void StationProcess::start(const StationOptions& options) {
  std::vector<std::string> arguments{program().string(), "serve", "--port", std::to_string(port_)};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> environment;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view name{*each};
    if (!name.starts_with("ATELIER_") && !name.starts_with("PORT=")) environment.emplace_back(name);
  }
  environment.push_back("ATELIER_HOME=" + home_.string());
  environment.push_back("ATELIER_ENGINE=" + options.engine);
  environment.push_back("ATELIER_FAKE=" + options.fake);
  environment.insert(environment.end(), options.environment.begin(), options.environment.end());
  environment.push_back("ATELIER_DRAIN_SECONDS=0");  // behind the test's own, which counts
  auto argument_list = pointers(arguments);
  auto environment_list = pointers(environment);
  const std::string log_path = home_ / "station.log";
  pid_ = ::fork();
  if (pid_ != 0) return;
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int log = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(log, 1);
  ::dup2(log, 2);
  ::execve(argument_list[0], argument_list.data(), environment_list.data());
  std::perror("the station's program cannot be started");
  ::_exit(127);
}

// Ready: it answers and a worker has named a model.
bool StationProcess::wait_until_ready(const std::string& key) {
  const std::string fields = key.empty() ? "" : "Authorization: Bearer " + key + "\r\n";
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (std::chrono::steady_clock::now() < end) {
    const auto reply = ask("GET", "/api/v1/models", {}, fields);
    if (reply.status == 200 && reply.body.find(R"("id")") != std::string::npos) return true;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      end_status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
      return false;
    }
    std::this_thread::sleep_for(50ms);
  }
  return false;
}

std::string StationProcess::log() const {
  std::ifstream file{home_ / "station.log"};
  return {std::istreambuf_iterator<char>{file}, {}};
}

http::RawReply StationProcess::ask(std::string_view method, std::string_view path,
                                   std::string_view body, const std::string& fields) const {
  http::RawClient client{port_};
  client.request(method, path, body, fields);
  return client.reply(method == "HEAD");
}

boost::json::value StationProcess::json(std::string_view path) const {
  const auto reply = ask("GET", path);
  if (reply.status != 200) return nullptr;
  return boost::json::parse(reply.body);
}

boost::json::value StationProcess::job(const std::string& id) const {
  return json("/api/v1/jobs/" + id);
}

std::string StationProcess::submit(std::string_view input) const {
  const auto reply =
      ask("POST", "/api/v1/jobs", R"({"kind":"generate","input":)" + std::string{input} + "}");
  if (reply.status != 202) return {};
  return std::string{boost::json::parse(reply.body).at("id").as_string()};
}

boost::json::value StationProcess::wait_for(const std::string& id, std::string_view states) const {
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (std::chrono::steady_clock::now() < end) {
    auto now = job(id);
    if (now.is_object() &&
        states.find(std::string_view{now.at("state").as_string()}) != std::string_view::npos) {
      return now;
    }
    std::this_thread::sleep_for(20ms);
  }
  return nullptr;
}

int StationProcess::stop(std::chrono::seconds patience) {
  if (pid_ < 0) return -1;
  ::kill(pid_, SIGTERM);
  int status = 0;
  for (const auto end = std::chrono::steady_clock::now() + patience;
       std::chrono::steady_clock::now() < end;) {
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    std::this_thread::sleep_for(50ms);
  }
  ::kill(-pid_, SIGKILL);
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  return -SIGKILL;
}

}  // namespace atelier::api
