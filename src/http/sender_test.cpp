#include "http/sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/settings/limits.h"
#include "platform/error.h"

namespace atelier::http {
namespace {

using testing::HasSubstr;

Request request(const std::string& body = "", const std::string& path = "/api/v1/jobs") {
  Request result;
  result.method = "POST";
  result.path = path;
  result.remote_address = "192.168.0.7";
  result.headers = {{"User-Agent", "curl/7.88.1"}};
  result.body = Body(body);
  return result;
}

Request with_key(const std::string& key, const std::string& body = "") {
  auto result = request(body);
  result.headers.emplace_back("idempotency-key", key);
  return result;
}

TEST(Sender, IsNamedByItsAddressAndProgram) {
  auto sent = request();
  EXPECT_EQ(client_of(sent, ""), "192.168.0.7 curl/7.88.1");
  sent.remote_address = "2001:db8:1:2:3:4:5:6";
  EXPECT_EQ(client_of(sent, ""), "2001:db8:1:2::/64 curl/7.88.1");
  sent.headers[0].second = std::string(500, 'a') + "\n";
  EXPECT_LT(client_of(sent, "").size(), 200U);
  sent.headers[0].second = "a\x1b[31m\xff";
  EXPECT_THAT(client_of(sent, ""), testing::Not(HasSubstr("\x1b")));
  sent.headers.clear();
  EXPECT_EQ(client_of(sent, ""), "2001:db8:1:2::/64");
}

TEST(Sender, WithAKeyIsNamedByADigestThatIsNotTheKey) {
  const auto name = client_of(request(), "opensesame");
  EXPECT_TRUE(name.starts_with("key ")) << name;
  EXPECT_EQ(name.size(), 12U);
  EXPECT_THAT(name, testing::Not(HasSubstr("open")));
  EXPECT_NE(name, client_of(request(), "opensesamf"));
  auto elsewhere = request();
  elsewhere.remote_address = "192.168.0.8";
  EXPECT_EQ(client_of(elsewhere, "opensesame"), name);
}

TEST(Sender, ADigestBelongsToTheWholeRequest) {
  EXPECT_EQ(sender_of(request("a"), "").request.key, "");
  const auto first = sender_of(with_key("k", "a"), "").request;
  EXPECT_EQ(first.key, "k");
  EXPECT_EQ(sender_of(with_key("k", "a"), "").request.digest, first.digest);
  EXPECT_NE(sender_of(with_key("k", "b"), "").request.digest, first.digest);
  auto other_path = with_key("k", "a");
  other_path.path = "/v1/generate";
  EXPECT_NE(sender_of(other_path, "").request.digest, first.digest);
  auto with_query = with_key("k", "a");
  with_query.query = {{"x", "1"}};
  EXPECT_NE(sender_of(with_query, "").request.digest, first.digest);
}

TEST(Sender, RefusesKeysThatAreEmptyTooLongDoubledOrNotText) {
  const auto refused = [](const Request& sent) {
    try {
      sender_of(sent, "");
    } catch (const Error& error) {
      return error.code() == ErrorCode::kInvalidArgument && error.field() == "Idempotency-Key";
    }
    return false;
  };
  const std::string longest(domain::limits::kRequestKeyBytesMax, 'k');
  EXPECT_EQ(sender_of(with_key(longest), "").request.key, longest);
  EXPECT_TRUE(refused(with_key(longest + "k")));
  EXPECT_TRUE(refused(with_key("")));
  EXPECT_TRUE(refused(with_key("two words")));
  EXPECT_TRUE(refused(with_key("schl\xc3\xbcssel")));
  auto doubled = with_key("k");
  doubled.headers.emplace_back("Idempotency-Key", "l");
  EXPECT_TRUE(refused(doubled));
}

}  // namespace
}  // namespace atelier::http
