#include "http/sender.h"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "domain/settings/limits.h"
#include "http/authority.h"
#include "platform/error.h"
#include "platform/log.h"
#include "platform/utf8.h"

namespace atelier::http {
namespace {

constexpr std::size_t kDigestBytes = 16;
constexpr std::size_t kKeyNameLetters = 8;
constexpr std::size_t kUserAgentBytesMax = 120;  // browsers send about 100

// BLAKE2b, in hexadecimal digits. Parts are separated by their sizes.
class Digest {
 public:
  Digest() { crypto_generichash_init(&state_, nullptr, 0, kDigestBytes); }
  void add(std::string_view part) {
    const auto size = std::to_string(part.size()) + ":";
    update(size);
    update(part);
  }
  std::string text() {
    std::array<unsigned char, kDigestBytes> bytes{};
    crypto_generichash_final(&state_, bytes.data(), bytes.size());
    std::array<char, 2 * kDigestBytes + 1> digits{};
    return sodium_bin2hex(digits.data(), digits.size(), bytes.data(), bytes.size());
  }

 private:
  void update(std::string_view part) {
    crypto_generichash_update(&state_, reinterpret_cast<const unsigned char*>(part.data()),
                              part.size());
  }

  crypto_generichash_state state_;
};

std::string key_name(std::string_view api_key) {
  Digest digest;
  digest.add("atelier key");
  digest.add(api_key);
  return "key " + digest.text().substr(0, kKeyNameLetters);
}

std::string digest_of(const Request& request) {
  Digest digest;
  digest.add(request.path);
  for (const auto& [name, value] : request.query) {
    digest.add(name);
    digest.add(value);
  }
  digest.add(request.body.text());
  return digest.text();
}

std::string read_key(const Request& request) {
  std::string key;
  for (const auto& [name, value] : request.headers) {
    if (!equal_without_case(name, kRequestKeyHeader)) continue;
    constexpr auto kMax = domain::limits::kRequestKeyBytesMax;
    const bool visible = std::ranges::all_of(value, [](char c) { return c > ' ' && c <= '~'; });
    if (value.empty() || value.size() > kMax || !visible || !key.empty()) {
      throw Error(ErrorCode::kInvalidArgument, std::string(kRequestKeyHeader),
                  "send it once, with 1 to " + std::to_string(kMax) +
                      " visible ASCII characters without spaces");
    }
    key = value;
  }
  return key;
}

}  // namespace

std::string client_of(const Request& request, std::string_view api_key) {
  if (!api_key.empty()) return key_name(api_key);
  auto client = client_network(request.remote_address);
  const auto agent = platform::cut(request.header("User-Agent"), kUserAgentBytesMax);
  if (!agent.empty()) client += " " + platform::without_control_characters(agent);
  return client;
}

Sender sender_of(const Request& request, std::string_view api_key) {
  Sender sender{.client = client_of(request, api_key), .request = {.key = read_key(request)}};
  if (!sender.request.key.empty()) sender.request.digest = digest_of(request);
  return sender;
}

}  // namespace atelier::http
