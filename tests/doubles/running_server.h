// A server on a free port with the scheduler in memory, for tests that need a real socket. Test
// thread only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "http/server.h"
#include "tests/doubles/raw_client.h"
#include "tests/doubles/scheduler_double.h"

namespace atelier::http {

struct RunningServer {
  ~RunningServer() { stop(); }

  void start() {
    settings.port = 0;
    server = std::make_unique<Server>(scheduler, settings);
    thread = std::thread{[this] { server->run(); }};
  }
  void stop() {
    if (!thread.joinable()) return;
    server->stop();
    thread.join();
  }
  int port() const { return server->port(); }

  RawReply ask(std::string_view method, std::string_view path, std::string_view body = {},
               const std::string& fields = {}) {
    RawClient client{port()};
    client.request(method, path, body, fields);
    return client.reply(method == "HEAD");
  }

  SchedulerDouble scheduler;
  ServerSettings settings;
  std::unique_ptr<Server> server;
  std::thread thread;
};

}  // namespace atelier::http
