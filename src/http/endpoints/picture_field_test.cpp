#include "http/endpoints/picture_field.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/base64.h"
#include "platform/error.h"

namespace atelier::http {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::vector<std::uint8_t> kBytes{0x89, 'P', 'N', 'G', 0xff, 0xfe, 0xfb, 0xef, 0x3f, 0x01};

std::string standard() { return base64_encode(kBytes); }

std::string url_alphabet(std::string text) {
  for (char& sign : text) sign = sign == '+' ? '-' : sign == '/' ? '_' : sign;
  return text;
}

std::string refusal(const std::string& text, Base64Rule rule = Base64Rule::kStrict) {
  try {
    read_picture(text, "/input/image", rule);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.field(), "/input/image");
    return error.what();
  }
  ADD_FAILURE() << text << " was taken";
  return "";
}

TEST(PictureField, TakesBase64AndDataUrlsWithLineBreaks) {
  const auto text = standard();
  ASSERT_NE(text, url_alphabet(text));
  for (const auto rule : {Base64Rule::kStrict, Base64Rule::kLoose}) {
    for (const auto& sent :
         {text, "data:image/png;base64," + text, "DATA:image/png;charset=x;BASE64," + text,
          "data:;base64," + text, " " + text.substr(0, 6) + "\r\n" + text.substr(6) + "\n"}) {
      EXPECT_EQ(read_picture(sent, "/image", rule), kBytes) << sent;
    }
    EXPECT_TRUE(read_picture("", "/image", rule).empty());
  }
}

TEST(PictureField, OldClientsMayLeaveThePaddingOutAndUseTheUrlsAlphabet) {
  const auto text = standard();
  const auto bare = text.substr(0, text.find('='));
  ASSERT_NE(bare, text);
  for (const auto& sent :
       {bare, url_alphabet(text), url_alphabet(bare), "data:image/png;base64," + bare,
        url_alphabet(bare).substr(0, 5) + "\n" + url_alphabet(bare).substr(5)}) {
    EXPECT_EQ(read_picture(sent, "/image", Base64Rule::kLoose), kBytes) << sent;
  }
  EXPECT_THAT(refusal(bare), HasSubstr("without the '=' signs"));
  EXPECT_THAT(refusal(url_alphabet(bare)), HasSubstr("base64url"));
  EXPECT_THAT(refusal(url_alphabet(text)), HasSubstr("base64url"));
}

TEST(PictureField, NamesTheFormatThatWasFoundInsteadOfBase64) {
  for (const auto rule : {Base64Rule::kStrict, Base64Rule::kLoose}) {
    const auto said = [rule](const std::string& text) { return refusal(text, rule); };
    EXPECT_THAT(said("http://127.0.0.1:1/a.png"), HasSubstr("address (http://)"));
    EXPECT_THAT(said("HTTPS://example.org/a.png"), HasSubstr("address (https://)"));
    EXPECT_THAT(said("blob:http://x/1"), HasSubstr("address (blob:)"));
    EXPECT_THAT(said("file:///home/me/a.png"), HasSubstr("address (file://)"));
    EXPECT_THAT(said("<svg xmlns='x'/>"), HasSubstr("this is SVG"));
    EXPECT_THAT(said("<?xml version='1.0'?>\n<!-- x --><svg/>"), HasSubstr("this is SVG"));
    EXPECT_THAT(said("<!DOCTYPE html><p>"), HasSubstr("this is HTML"));
    EXPECT_THAT(said("{\"image\":1}"), HasSubstr("this is JSON"));
    EXPECT_THAT(said("%PDF-1.7"), HasSubstr("PDF"));
    EXPECT_THAT(said("\xc2\x89PNG\r\n"), HasSubstr("raw bytes"));
    EXPECT_THAT(said("89504e470d0a1a0a"), HasSubstr("hexadecimal"));
    EXPECT_THAT(said("/home/me/cat.png"), HasSubstr("file's name"));
    EXPECT_THAT(said("iVBORw0KGgo%3D"), HasSubstr("percent"));
    EXPECT_THAT(said("abcde"), AllOf(HasSubstr("cut off"), HasSubstr("5 characters")));
    EXPECT_THAT(said("iVBORx=="), HasSubstr("cut off or changed"));
    EXPECT_THAT(said("ab=cdefg"), HasSubstr("wrong place"));
    EXPECT_THAT(said("*not base64*"), HasSubstr("not base64"));
    EXPECT_THAT(said("data:image/png,plain"), HasSubstr("';base64,'"));
    EXPECT_THAT(said("data:image/png;base64"), HasSubstr("no comma"));
    EXPECT_THAT(said("data:image/svg+xml;utf8,<svg/>"), HasSubstr("';base64,'"));
    EXPECT_THAT(said("data:image/png;base64,"), HasSubstr("empty"));
    EXPECT_THAT(said("data:image/png;base64,http://a/b.png"), HasSubstr("address"));
    EXPECT_THAT(said("  \n"), HasSubstr("empty"));
  }
}

}  // namespace
}  // namespace atelier::http
