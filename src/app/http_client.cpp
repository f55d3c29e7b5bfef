#include "app/http_client.h"

#include <curl/curl.h>

#include <memory>
#include <utility>

#include "platform/check.h"
#include "platform/version.h"

namespace atelier::app {
namespace {

// The station distinguishes commands from other clients by it.
std::string user_agent() { return "atelier/" + std::string(platform::kVersion); }

using Headers = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

size_t keep(char* data, size_t size, size_t count, void* to) {
  static_cast<std::string*>(to)->append(data, size * count);
  return size * count;
}

struct Lines {
  const std::function<bool(std::string_view)>& line;
  const std::function<bool()>& idle;
  std::string rest;
};

size_t split(char* data, size_t size, size_t count, void* to) {
  auto& lines = *static_cast<Lines*>(to);
  lines.rest.append(data, size * count);
  for (auto end = lines.rest.find('\n'); end != std::string::npos; end = lines.rest.find('\n')) {
    const bool more = lines.line(std::string_view(lines.rest).substr(0, end));
    lines.rest.erase(0, end + 1);
    if (!more) return 0;  // ends the transfer
  }
  return size * count;
}

int ask(void* to, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Lines*>(to)->idle() ? 0 : 1;
}

Headers headers_for(const std::string& api_key) {
  curl_slist* list = curl_slist_append(nullptr, "Content-Type: application/json");
  list = curl_slist_append(list, "Expect:");
  if (!api_key.empty()) {
    list = curl_slist_append(list, ("Authorization: Bearer " + api_key).c_str());
  }
  return {list, curl_slist_free_all};
}

HttpReply perform(CURL* handle, const std::string& url, const std::string& api_key,
                  long timeout_ms) {
  HttpReply reply;
  const auto headers = headers_for(api_key);
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_USERAGENT, user_agent().c_str());
  curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, 1000L);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, timeout_ms);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, keep);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &reply.body);
  if (curl_easy_perform(handle) != CURLE_OK) return {};
  long status = 0;
  const char* type = nullptr;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(handle, CURLINFO_CONTENT_TYPE, &type);
  reply.status = static_cast<int>(status);
  reply.content_type = type != nullptr ? type : "";
  return reply;
}

}  // namespace

HttpClient::HttpClient(std::string url, std::string api_key)
    : handle_(curl_easy_init()), url_(std::move(url)), api_key_(std::move(api_key)) {
  CHECK(handle_ != nullptr);
}

HttpClient::~HttpClient() { curl_easy_cleanup(handle_); }

HttpReply HttpClient::get(const std::string& path, long timeout_ms) {
  curl_easy_reset(handle_);
  return perform(handle_, url_ + path, api_key_, timeout_ms);
}

HttpReply HttpClient::post(const std::string& path, const std::string& json, long timeout_ms) {
  curl_easy_reset(handle_);
  curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(json.size()));
  curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, json.data());
  return perform(handle_, url_ + path, api_key_, timeout_ms);
}

int HttpClient::stream(const std::string& path, const std::function<bool(std::string_view)>& line,
                       const std::function<bool()>& idle) {
  curl_easy_reset(handle_);
  Lines lines{line, idle, {}};
  const auto headers = headers_for(api_key_);
  curl_easy_setopt(handle_, CURLOPT_URL, (url_ + path).c_str());
  curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle_, CURLOPT_USERAGENT, user_agent().c_str());
  curl_easy_setopt(handle_, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle_, CURLOPT_CONNECTTIMEOUT_MS, 1000L);
  curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, split);
  curl_easy_setopt(handle_, CURLOPT_WRITEDATA, &lines);
  curl_easy_setopt(handle_, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle_, CURLOPT_XFERINFOFUNCTION, ask);
  curl_easy_setopt(handle_, CURLOPT_XFERINFODATA, &lines);
  curl_easy_perform(handle_);
  long status = 0;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

}  // namespace atelier::app
