#include "protocol/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "platform/error.h"

namespace atelier::protocol {
namespace {

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

Bytes wire(const Frame& frame) {
  Bytes all = encode_frame_header(frame);
  all.insert(all.end(), frame.json.begin(), frame.json.end());
  for (const Bytes& part : frame.parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

ErrorCode failure_of(std::string_view text, FrameLimits limits = {}) {
  FrameReader reader(limits);
  try {
    reader.feed(bytes_of(text));
    while (reader.next()) {
    }
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "was accepted: " << text;
  return ErrorCode::kInternal;
}

const Frame kFrames[] = {
    {R"({"a":1})", {}},
    {"", {bytes_of("x")}},
    {R"({"b":2})", {bytes_of("one"), {}, bytes_of("three")}},
    {"{}", {{}, {}}},
};

TEST(FrameReader, ReadsFramesThatArriveByteByByte) {
  FrameReader reader;
  for (const Frame& frame : kFrames) {
    std::optional<Frame> got;
    for (const std::uint8_t byte : wire(frame)) {
      EXPECT_FALSE(got);
      reader.feed({&byte, 1});
      got = reader.next();
    }
    ASSERT_TRUE(got);
    EXPECT_EQ(got->json, frame.json);
    EXPECT_EQ(got->parts, frame.parts);
    EXPECT_TRUE(reader.between_frames());
  }
}

TEST(FrameReader, ReadsSeveralFramesFromOnePiece) {
  Bytes all;
  for (const Frame& frame : kFrames) {
    const Bytes one = wire(frame);
    all.insert(all.end(), one.begin(), one.end());
  }
  FrameReader reader;
  reader.feed(all);
  for (const Frame& frame : kFrames) {
    const auto got = reader.next();
    ASSERT_TRUE(got);
    EXPECT_EQ(got->json, frame.json);
    EXPECT_EQ(got->parts, frame.parts);
  }
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.between_frames());
}

TEST(FrameReader, HeaderNamesAreReadWithoutCaseAndUnknownOnesAreSkipped) {
  FrameReader reader;
  reader.feed(bytes_of("content-length: 2\r\nX-Later: yes\r\nCONTENT-PARTS: 1\r\n\r\n{}z"));
  const auto got = reader.next();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->json, "{}");
  EXPECT_EQ(got->parts, (std::vector<Bytes>{bytes_of("z")}));
}

TEST(FrameReader, RefusesMalformedData) {
  for (const std::string_view text :
       {"\r\n\r\n", "hello\r\n\r\n", "Content-Length: x\r\n\r\n", "Content-Length: -1\r\n\r\n",
        "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "Content-Length: 2\r\nContent-Parts: 1,\r\n\r\n", "Content-Parts: 1\r\n\r\n",
        "Content-Length: 99999999999999999999999\r\n\r\n", "Content-Length: 1 2\r\n\r\n"}) {
    EXPECT_EQ(failure_of(text), ErrorCode::kCorruptData) << text;
  }
}

TEST(FrameReader, RefusesFramesOverTheLimits) {
  FrameLimits limits;
  limits.header_bytes = 100;
  limits.json_bytes = 10;
  limits.parts = 2;
  limits.part_bytes = 20;
  limits.total_bytes = 30;
  EXPECT_EQ(failure_of(std::string(200, 'a'), limits), ErrorCode::kTooLarge);
  EXPECT_EQ(failure_of("Content-Length: 11\r\n\r\n", limits), ErrorCode::kTooLarge);
  EXPECT_EQ(failure_of("Content-Length: 1\r\nContent-Parts: 21\r\n\r\n", limits),
            ErrorCode::kTooLarge);
  EXPECT_EQ(failure_of("Content-Length: 1\r\nContent-Parts: 1,1,1\r\n\r\n", limits),
            ErrorCode::kTooLarge);
  EXPECT_EQ(failure_of("Content-Length: 9\r\nContent-Parts: 20,20\r\n\r\n", limits),
            ErrorCode::kTooLarge);
}

TEST(FrameReader, AHeaderThatAnnouncesAGigabyteAllocatesNothingYet) {
  FrameReader reader;
  reader.feed(bytes_of("Content-Length: 0\r\nContent-Parts: 1073741824\r\n\r\nabc"));
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.between_frames());
}

TEST(FrameReader, ALargePartTakesItsOwnSizeAndNoMore) {
  const Frame frame{"{}", {Bytes(5'000'001, 7)}};
  const Bytes all = wire(frame);
  FrameReader reader;
  for (std::size_t at = 0; at < all.size(); at += 70'000) {
    reader.feed(std::span(all).subspan(at, std::min<std::size_t>(70'000, all.size() - at)));
  }
  const auto got = reader.next();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->parts[0], frame.parts[0]);
  EXPECT_EQ(got->parts[0].capacity(), frame.parts[0].size());
}

}  // namespace
}  // namespace atelier::protocol
