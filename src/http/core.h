// State shared by all connections of one server. Lives on the I/O thread, except the pool and the
// atomics. Included by connection.cpp and server.cpp only: the HTTP library must not reach the
// endpoint files.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <unordered_set>
#include <vector>

#include "http/access.h"
#include "http/body.h"
#include "http/event_texts.h"
#include "http/memory_gate.h"
#include "http/route.h"
#include "http/server.h"
#include "http/wrong_keys.h"

namespace atelier::http {

class Connection;

struct Core {
  Core(scheduler::Scheduler& scheduler_in, ServerSettings settings_in);

  ServerSettings settings;
  AccessRules rules;
  std::vector<Route> routes;
  Service service;
  MemoryUse bodies_in_memory{0};
  MemoryUse replies_in_memory{0};
  MemoryGate long_requests;
  EventTexts event_texts;
  WrongKeys wrong_keys;
  int slowed_answers = 0;                       // that wait because of a wrong key
  std::unordered_set<Connection*> connections;  // before `io`, which ends the last of them
  bool stopping = false;
  boost::asio::io_context io{1};
  boost::asio::thread_pool pool;     // the page, lists, files: never waits for long
  boost::asio::thread_pool uploads;  // long bodies

  void log(std::string_view line) const {
    if (settings.log) settings.log(line);
  }
};

}  // namespace atelier::http
