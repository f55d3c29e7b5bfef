#include "http/representation.h"

#include <gtest/gtest.h>

namespace atelier::http {
namespace {

constexpr const char* kTag = "\"abc\"";

Response asked(Fields fields, const std::string& method = "GET", const std::string& tag = kTag) {
  Request request;
  request.method = method;
  request.headers = std::move(fields);
  Response response;
  represent(request, tag, platform::bytes_in_memory("0123456789"), response);
  return response;
}

std::string sent(const Response& response) {
  if (!response.source) return {};
  const auto bytes = platform::read_all(*response.source);
  return {bytes.begin(), bytes.end()};
}

std::string field(const Response& response, const std::string& name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

TEST(Representation, GivesTheWholeWithItsTag) {
  const Response response = asked({});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(sent(response), "0123456789");
  EXPECT_EQ(field(response, "ETag"), kTag);
  EXPECT_EQ(field(response, "Accept-Ranges"), "bytes");
}

TEST(Representation, GivesOneRange) {
  struct Case {
    const char *range, *text, *place;
  };
  for (const Case& each :
       {Case{"bytes=0-0", "0", "bytes 0-0/10"}, Case{"bytes=2-5", "2345", "bytes 2-5/10"},
        Case{"bytes=7-", "789", "bytes 7-9/10"}, Case{"bytes=-3", "789", "bytes 7-9/10"},
        Case{"bytes=-99", "0123456789", "bytes 0-9/10"},
        Case{"bytes=8-99999999999999999999999", "89", "bytes 8-9/10"},
        Case{"Bytes= 1-1 ", "1", "bytes 1-1/10"}}) {
    const Response response = asked({{"Range", each.range}});
    EXPECT_EQ(response.status, 206) << each.range;
    EXPECT_EQ(sent(response), each.text) << each.range;
    EXPECT_EQ(field(response, "Content-Range"), each.place) << each.range;
  }
}

TEST(Representation, GivesTheWholeForSeveralOrInvalidRanges) {
  for (const char* range : {"bytes=0-1,4-5", "bytes=", "bytes=-", "bytes=5-2", "bytes=a-b",
                            "bytes=1-2x", "lines=1-2", "bytes", "bytes=--1", "bytes=+1-2"}) {
    const Response response = asked({{"Range", range}});
    EXPECT_EQ(response.status, 200) << range;
    EXPECT_EQ(sent(response), "0123456789") << range;
  }
}

TEST(Representation, RefusesARangeOutsideOfTheContent) {
  for (const char* range :
       {"bytes=10-", "bytes=10-20", "bytes=99999999999999999999-", "bytes=-0"}) {
    const Response response = asked({{"Range", range}});
    EXPECT_EQ(response.status, 416) << range;
    EXPECT_EQ(sent(response), "") << range;
    EXPECT_EQ(field(response, "Content-Range"), "bytes */10") << range;
  }
}

TEST(Representation, IfRangeWithAnotherTagGivesTheWhole) {
  EXPECT_EQ(asked({{"Range", "bytes=1-2"}, {"If-Range", kTag}}).status, 206);
  for (const char* condition :
       {"\"old\"", "W/\"abc\"", "Wed, 21 Oct 2015 07:28:00 GMT", "abc", "*"}) {
    EXPECT_EQ(asked({{"Range", "bytes=1-2"}, {"If-Range", condition}}).status, 200) << condition;
  }
  EXPECT_EQ(asked({{"Range", "bytes=1-2"}, {"If-Range", "\"x\""}}, "GET", "").status, 200);
}

TEST(Representation, KnowsTheTagInListsAndTheStar) {
  for (const char* list : {"\"abc\"", "*", " * ", "W/\"abc\"", "\"x\", \"abc\"", "\"x\",W/\"abc\"",
                           "\"a,b\" , \"abc\"", ",, \"abc\""}) {
    const Response response = asked({{"If-None-Match", list}});
    EXPECT_EQ(response.status, 304) << list;
    EXPECT_EQ(field(response, "ETag"), kTag) << list;
    EXPECT_EQ(sent(response), "") << list;
  }
  for (const char* list : {"\"x\"", "abc", "\"abc", "\"ab\", \"c\"", "\"x, \"abc\"\""}) {
    EXPECT_EQ(asked({{"If-None-Match", list}}).status, 200) << list;
  }
  EXPECT_EQ(asked({{"If-None-Match", "*"}}, "GET", "").status, 200);  // a preview has no tag
}

TEST(Representation, IfMatchRefusesAnotherTag) {
  EXPECT_EQ(asked({{"If-Match", "\"old\""}}).status, 412);
  EXPECT_EQ(asked({{"If-Match", "W/\"abc\""}}).status, 412);
  EXPECT_EQ(asked({{"If-Match", "\"old\", \"abc\""}}).status, 200);
  EXPECT_EQ(asked({{"If-Match", "*"}}).status, 200);
}

TEST(Representation, HeadDescribesTheWhole) {
  const Response response = asked({{"Range", "bytes=1-2"}}, "HEAD");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.source->size(), 10U);
}

}  // namespace
}  // namespace atelier::http
