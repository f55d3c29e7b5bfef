// Requests to the running station over libcurl. One thread at a time. Failures: Error with the
// station's own sentence when it sent one.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace atelier::app {

struct HttpReply {
  int status = 0;  // 0: no reply
  std::string body, content_type;
};

class HttpClient {
 public:
  HttpClient(std::string url, std::string api_key);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  const std::string& url() const { return url_; }
  HttpReply get(const std::string& path, long timeout_ms = 30'000);
  HttpReply post(const std::string& path, const std::string& json, long timeout_ms = 600'000);
  // Calls `line` for each line of an endless reply until it returns false or the reply ends; `idle`
  // is called at least once a second and may end it as well.
  int stream(const std::string& path, const std::function<bool(std::string_view)>& line,
             const std::function<bool()>& idle);

 private:
  void* handle_;  // CURL*
  std::string url_, api_key_;
};

}  // namespace atelier::app
