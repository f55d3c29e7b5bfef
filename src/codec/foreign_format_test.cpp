#include "codec/foreign_format.h"

#include <gtest/gtest.h>

#include <string>

namespace atelier::codec {
namespace {

using namespace std::string_literals;

std::string_view met(const std::string& file) {
  return foreign_format({reinterpret_cast<const std::uint8_t*>(file.data()), file.size()});
}

TEST(ForeignFormat, NamesWhatPeopleSendInPlaceOfPictures) {
  EXPECT_EQ(met("\x1f\x8b\x08"), "gzip");
  EXPECT_EQ(met("PK\x03\x04 rest"), "a ZIP archive");
  EXPECT_EQ(met("%PDF-1.7\n"), "a PDF document");
  EXPECT_EQ(met("\0\0\0\x20"s + "ftypisom"), "a video");
  EXPECT_EQ(met("BM\x36\x10\0\0\0\0\0\0\x36\0\0\0"s), "a BMP file");
  EXPECT_EQ(met("<svg xmlns='x'/>"), "SVG");
  EXPECT_EQ(met("\xef\xbb\xbf<?xml version='1.0'?>\n<SVG/>"), "SVG");
  EXPECT_EQ(met("\n<!doctype HTML><p>"), "HTML");
  EXPECT_EQ(met("<note/>"), "XML or HTML");
  EXPECT_EQ(met(" {\"a\":1}"), "JSON");
  EXPECT_EQ(met("plain words"), "text");
  EXPECT_EQ(met("BMW and other cars"), "text");
  EXPECT_EQ(met(" \n"), "an empty text");
  EXPECT_EQ(met("iVBORw0KGgoAAAANSUhEUg"), "base64 that was encoded twice");
  EXPECT_EQ(met("data:image/png;base64,iVBO"), "a data URL that was encoded twice");
  EXPECT_EQ(met(std::string(257, '\0') + "ustar"), "a tar archive");
}

TEST(ForeignFormat, IsSilentAboutPicturesAndTheUnknown) {
  EXPECT_EQ(met(""), "");
  EXPECT_EQ(met("\x89PNG\r\n\x1a\n"), "");
  EXPECT_EQ(met("\xff\xd8\xff\xe0"), "");
  EXPECT_EQ(met("\0\0\0\x20"s + "ftypavif"), "");
  EXPECT_EQ(met("\x01\x02\x03\x04"), "");
  EXPECT_EQ(met("BM"), "text");
}

}  // namespace
}  // namespace atelier::codec
