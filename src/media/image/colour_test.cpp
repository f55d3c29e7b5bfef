#include "media/image/colour.h"

#include <gtest/gtest.h>

namespace atelier::media {
namespace {

TEST(Colour, IsReadFromItsDigitsOrItsName) {
  EXPECT_EQ(colour_from_text("#ff8000"), (Colour{255, 128, 0}));
  EXPECT_EQ(colour_from_text("#FF8000"), (Colour{255, 128, 0}));
  EXPECT_EQ(colour_from_text("white"), kWhite);
  EXPECT_EQ(colour_from_text("black"), kBlack);
  EXPECT_EQ(colour_from_text("grey"), colour_from_text("gray"));
}

TEST(Colour, OtherTextsNameNone) {
  for (const char* text : {"", "#", "#fff", "ffffff", "#ff80zz", "#-10000", "#+10000", "# f8000",
                           "#ff80000", "beige", "WHITE "}) {
    EXPECT_FALSE(colour_from_text(text)) << text;
  }
}

TEST(Colour, ItsTextNamesItAgain) {
  for (const Colour colour : {kBlack, kWhite, Colour{1, 160, 15}}) {
    EXPECT_EQ(colour_from_text(text_of(colour)), colour);
  }
  EXPECT_EQ(text_of({1, 160, 15}), "#01a00f");
}

}  // namespace
}  // namespace atelier::media
