#include "domain/jobs/attachment_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "card/tasks/generate.h"
#include "platform/error.h"

namespace atelier::domain {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using Rgba = std::array<std::uint8_t, 4>;

// The left half in one colour, the right half in another.
media::Image halves(Rgba left, Rgba right) {
  media::Image image{8, 4, 4, {}};
  for (int i = 0; i < 32; ++i) {
    const Rgba& pixel = i % 8 < 4 ? left : right;
    image.pixels.insert(image.pixels.end(), pixel.begin(), pixel.end());
  }
  return image;
}

const card::Attachment& attachment(const std::string& role) {
  return *card::find_attachment(card::generate_task(), role);
}

// The refusal's sentence, "" when the mask is accepted.
std::string refusal(const media::Image& mask) {
  try {
    check_attachment(attachment("mask"), mask);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.field(), "mask");
    EXPECT_THAT(error.what(), StartsWith("the mask "));
    EXPECT_THAT(error.what(), HasSubstr("white is repainted"));
    return error.what();
  }
  return "";
}

constexpr Rgba kWhite{255, 255, 255, 255}, kBlack{0, 0, 0, 255}, kClear{0, 0, 0, 0};
constexpr Rgba kHiddenWhite{255, 255, 255, 0}, kHiddenRed{255, 0, 0, 0};

TEST(Frames, ThatTheTaskDoesNotUseAreReported) {
  const card::Attachment first{.role = "image"}, several{.role = "image", .frames_max = 4};
  EXPECT_EQ(frames_warning(first, 1), std::nullopt);
  EXPECT_EQ(frames_warning(several, 100), std::nullopt);
  EXPECT_EQ(frames_warning(first, 100),
            "the file of 'image' is animated: only the first of its 100 frames is used");
}

TEST(Masks, AreAcceptedWhereTheyAreWhite) {
  EXPECT_EQ(refusal(halves(kWhite, kBlack)), "");
  EXPECT_EQ(refusal(halves(kWhite, kClear)), "");
  EXPECT_EQ(refusal(halves({255, 255, 255, 160}, kClear)), "");
  EXPECT_EQ(refusal(halves(kWhite, kHiddenRed)), "");
}

TEST(Masks, InOpenAisFormAreRefusedWithTheReason) {
  for (const Rgba& hole : {kClear, kHiddenWhite, kHiddenRed}) {
    EXPECT_THAT(refusal(halves(kBlack, hole)), AllOf(HasSubstr("OpenAI"), HasSubstr("no white")));
  }
}

TEST(Masks, PaintedBlackOnAnEmptyLayerAreRefusedWithTheReason) {
  EXPECT_THAT(refusal(halves(kClear, kBlack)), HasSubstr("black on white"));
  EXPECT_THAT(refusal(halves({255, 255, 255, 100}, kBlack)), HasSubstr("no white"));
}

TEST(Masks, ThatAreThePictureWithAHoleAreRefusedAlsoWhenPartsAreBright) {
  EXPECT_THAT(refusal(halves({255, 250, 120, 255}, kClear)), HasSubstr("the picture itself"));
}

TEST(Masks, WithoutContentAreRefused) {
  EXPECT_THAT(refusal(halves(kClear, kHiddenWhite)), HasSubstr("transparent everywhere"));
  EXPECT_THAT(refusal(halves(kBlack, {20, 20, 20, 255})), HasSubstr("dark everywhere"));
}

TEST(Masks, WithoutTransparencyInTheirFileAreTakenAsTheyAre) {
  EXPECT_EQ(refusal({1, 1, 3, {0, 0, 0}}), "");
  EXPECT_EQ(refusal({1, 1, 1, {0}}), "");
}

TEST(Attachments, OtherThanMasksMayBeTransparent) {
  check_attachment(attachment("image"), halves(kBlack, kClear));
}

TEST(Attachments, AreCompositedAsTheyDeclare) {
  card::TaskInput input(card::generate_task(), boost::json::object{});
  EXPECT_EQ(matte_of(attachment("image"), input), media::kWhite);
  EXPECT_EQ(matte_of(attachment("mask"), input), media::kBlack);
  input = input.with_text("matte", "#102030");
  EXPECT_EQ(matte_of(attachment("image"), input), (media::Colour{16, 32, 48}));
  EXPECT_EQ(matte_of(attachment("mask"), input), media::kBlack);
  const card::Attachment cut_out{.role = "image"};
  EXPECT_FALSE(matte_of(cut_out, input));
}

}  // namespace
}  // namespace atelier::domain
