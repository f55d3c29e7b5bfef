// The HTTP server of the station: pages, the native API and the legacy systems' dialects.
// Built by app/main (binds the port at once, so that a taken one is known before anything is
// printed); run() blocks its caller, which becomes the I/O thread; stop() may come from any thread.
// Handlers that wait for disk or decoding run on a small pool of the server; no thread waits for a
// job. Failures of construction: kConflict (port taken), kInvalidArgument (address unreadable, or
// off loopback without a key). No input of a client makes run() throw.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "domain/settings/limits.h"
#include "scheduler/scheduler.h"

namespace atelier::http {

// Each limit keeps one client from starving the others; the reason of each value is in brackets.
struct ServerLimits {
  std::size_t header_bytes = 32 << 10;    // 431 beyond (browsers send at most about 8 KB)
  std::size_t json_body_bytes = 1 << 20;  // 413 beyond (two prompts of 64 KB, escaped)
  std::size_t picture_body_bytes = 48
                                   << 20;  // …with pictures (34 MB in base64); beside them as above
  std::size_t memory_body_bytes = 8 << 20;  // longer bodies go to a temporary file
  std::size_t memory_bodies_total = 64
                                    << 20;  // of all connections; beyond it every body goes to disk
  // Memory of all requests with long bodies while they are read and their pictures are decoded; the
  // others wait in order (one of 48 MB takes all of it).
  std::size_t long_requests_total = 192 << 20;
  // Replies that their clients have not read yet; 503 beyond (files are sent from the disk).
  std::size_t replies_total = 128 << 20;
  // 503 beyond. When all but the reserve are taken, a new connection replaces the one that has been
  // idle longest: between two requests, or in the middle of one that has stalled. Where none can,
  // the reserve answers one request for /health or the page, whose header must come soon.
  int connections = domain::limits::kConnections;
  int reserved_connections = 16;
  std::chrono::milliseconds reserved_header_timeout{2'000};
  std::chrono::milliseconds stalled_after{2'000};
  // Of a client that reads no bytes of its reply; over a slow line they are read in large portions.
  std::chrono::milliseconds reader_stalled_after{20'000};
  // A request's parts must come this fast, 408 below it. A modem is ten times faster; without it a
  // client that sends a byte now and then would occupy a connection for ever.
  std::chrono::milliseconds header_timeout{30'000};  // for all of it, from its first byte
  std::chrono::milliseconds header_window{20'000};   // in which…
  std::size_t header_window_bytes = 1000;            // …so many must arrive
  std::chrono::milliseconds body_window{30'000};
  std::size_t body_window_bytes = 15'000;
  std::chrono::milliseconds keep_alive_timeout{75'000};  // between two requests
  std::chrono::milliseconds write_idle_timeout{60'000};  // a reader that reads nothing for so long
  std::chrono::milliseconds event_ping{10'000};  // comment lines that keep proxies from closing
  std::chrono::milliseconds job_wait{0};         // longest synchronous call; 0: no limit

  // Tests scale all timeouts (ATELIER_TIMEOUT_SCALE=0.02).
  void scale_timeouts(double factor);
};

struct ServerSettings {
  std::string host = "127.0.0.1";            // an address, or "localhost"
  int port = 2020;                           // 0: any free one
  std::string api_key;                       // "": none, allowed on loopback only
  std::vector<std::string> allowed_hosts;    // ATELIER_HOSTS: further names for the Host header
  std::vector<std::string> allowed_origins;  // CORS_ORIGINS, DNA_CORS_ALLOW_ORIGINS
  std::string web_root;      // folder of the built page; "" or missing: a sentence at /
  std::string spool_folder;  // for long bodies, on a real disk; "": $TMPDIR or /var/tmp
  int pool_threads = 4;
  int upload_threads = 2;  // write long bodies to the disk and read them; nothing else
  ServerLimits limits;
  std::function<void(std::string_view)> log;  // one line without newline; empty: no log
};

class Server {
 public:
  Server(scheduler::Scheduler& scheduler, ServerSettings settings);
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const;         // the bound port
  std::string url() const;  // "http://127.0.0.1:2020"
  void run();               // serves until stop(); replies under way get one second to finish
  void stop();              // thread-safe, may be called more than once

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The OpenAPI 3.1 document of all routes as JSON text with line breaks (`atelier openapi`).
std::string openapi_document();

}  // namespace atelier::http
