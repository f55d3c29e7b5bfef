#include "platform/byte_source.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <string>

#include "platform/error.h"

namespace atelier::platform {
namespace {

std::string piece_of(const ByteSource& source, std::uint64_t offset, std::size_t size) {
  std::vector<std::uint8_t> piece(size);
  piece.resize(source.read_at(offset, piece));
  return {piece.begin(), piece.end()};
}

TEST(ByteSource, GivesPiecesOfAFileAndOfMemory) {
  const std::filesystem::path path = testing::TempDir() + "byte-source";
  std::ofstream(path) << "0123456789";
  for (const auto& source :
       {open_file(path), bytes_in_memory({'0', '1', '2', '3', '4', '5', '6', '7', '8', '9'})}) {
    EXPECT_EQ(source->size(), 10U);
    EXPECT_EQ(piece_of(*source, 0, 4), "0123");
    EXPECT_EQ(piece_of(*source, 7, 10), "789");
    EXPECT_EQ(piece_of(*source, 10, 4), "");
    EXPECT_EQ(piece_of(*source, 1'000'000, 4), "");
    EXPECT_EQ(read_all(*source).size(), 10U);
  }
}

TEST(ByteSource, PartsJoinedAndInBase64ReadTheSameInPiecesOfEverySize) {
  const auto digits = bytes_in_memory("0123456789");
  const auto source =
      joined({bytes_in_memory("<"), base64_of(digits), bytes_in_memory(""), part_of(digits, 3, 4),
              base64_of(part_of(digits, 9, 1)), bytes_in_memory(">")});
  const std::string whole = "<MDEyMzQ1Njc4OQ==3456OQ==>";
  ASSERT_EQ(source->size(), whole.size());
  for (std::size_t size = 1; size <= whole.size() + 1; ++size) {
    std::string text;
    for (std::string piece = piece_of(*source, 0, size); !piece.empty();
         piece = piece_of(*source, text.size(), size)) {
      text += piece;
    }
    EXPECT_EQ(text, whole) << size;
  }
}

TEST(ByteSource, AFileThatIsReplacedStaysWhatItWas) {
  const std::filesystem::path path = testing::TempDir() + "byte-source-replaced";
  std::ofstream(path) << "old";
  const auto source = open_file(path);
  std::filesystem::remove(path);
  std::ofstream(path) << "newer";
  EXPECT_EQ(piece_of(*source, 0, 10), "old");
}

TEST(ByteSource, WhatIsNoFileIsNotFound) {
  for (const char* path : {"/nowhere/at/all", "/tmp", "/dev/null"}) {
    try {
      open_file(path);
      ADD_FAILURE() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kNotFound) << path;
    }
  }
}

}  // namespace
}  // namespace atelier::platform
