// A station of its own for a test: the real programs with the fake engine (or another), on a free
// port, in a folder that is removed. Test thread only. Failures to start end the test program with
// the station's log.
#pragma once

#include <sys/types.h>

#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/doubles/raw_client.h"

namespace atelier::api {

struct StationOptions {
  std::string fake = "step_ms=5";             // switches of the fake engine
  std::vector<std::string> environment = {};  // "NAME=value"
  std::vector<std::string> arguments = {};    // after `atelier serve`
  std::string key = {};                       // sent with the requests of the start
  std::string engine = "fake";                // "cpu": the real one
  int port = 0;                               // of the first start; 0: any free one
};

class StationProcess {
 public:
  static std::filesystem::path program();
  explicit StationProcess(const StationOptions& options = {});
  ~StationProcess();  // ends it and everything it started
  StationProcess(const StationProcess&) = delete;
  StationProcess& operator=(const StationProcess&) = delete;

  const std::filesystem::path& home() const { return home_; }
  int port() const { return port_; }
  pid_t pid() const { return pid_; }
  std::string log() const;

  http::RawReply ask(std::string_view method, std::string_view path, std::string_view body = {},
                     const std::string& fields = {}) const;
  boost::json::value json(std::string_view path) const;  // of GET; null unless 200
  boost::json::value job(const std::string& id) const;
  std::string submit(std::string_view input) const;  // of POST /api/v1/jobs; "" when refused
  // The job once its state is one of `states` ("succeeded failed"); null after a minute.
  boost::json::value wait_for(const std::string& id, std::string_view states) const;
  // SIGTERM; its exit status. After `patience` everything it started is killed.
  int stop(std::chrono::seconds patience = std::chrono::seconds{10});
  void crash();      // SIGKILL
  void keep_home();  // it is not removed
  // After stop() or crash(), on the same home and port. False: it ended by itself before it was
  // ready, with end_status().
  bool start_again(const StationOptions& options = {});
  int end_status() const { return end_status_; }  // minus the signal where one ended it

 private:
  void start(const StationOptions& options);
  bool wait_until_ready(const std::string& key);

  std::filesystem::path home_;
  bool keeps_home_ = false;
  int port_ = 0;
  pid_t pid_ = -1;
  int end_status_ = 0;
};

}  // namespace atelier::api
