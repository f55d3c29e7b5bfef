#include "codec/picture_file.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <vips/vips8>

#include "codec/describe_failure.h"
#include "platform/error.h"

namespace atelier::codec {
namespace {

using Bytes = std::vector<std::uint8_t>;
using vips::VImage;

class PictureFile : public testing::Test {
 protected:
  static void SetUpTestSuite() { start_codecs("codec_test"); }
};

media::Image gradient(int width, int height, int channels) {
  media::Image image{width, height, channels, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        image.pixels.push_back(static_cast<std::uint8_t>((x * 3 + y * 5 + c * 60) & 0xff));
      }
    }
  }
  return image;
}

Bytes encoded(const media::Image& image, const std::string& format,
              std::vector<TextEntry> texts = {}) {
  EncodeOptions options;
  options.format = format;
  options.texts = std::move(texts);
  return encode_picture(image, options);
}

Bytes saved(const VImage& image, const char* suffix) {
  void* data = nullptr;
  std::size_t size = 0;
  image.write_to_buffer(suffix, &data, &size);
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  Bytes file(bytes, bytes + size);
  g_free(data);
  return file;
}

VImage solid(std::vector<double> colour, VipsBandFormat format, VipsInterpretation meaning) {
  // The constant takes the format of the image that it is made from.
  return VImage::black(16, 8)
      .cast(format)
      .new_from_image(std::move(colour))
      .copy(VImage::option()->set("interpretation", meaning));
}

TEST_F(PictureFile, AFailureWithoutAReasonIsStillASentence) {
  for (const char* reason : {"", ": \n", "pngload: broken\nmore"}) {
    try {
      with_failures_described("the picture cannot be decoded", [&] { throw vips::VError(reason); });
      FAIL() << "it was no failure";
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find(": :"), std::string::npos) << error.what();
      EXPECT_EQ(std::string(error.what()).find("more"), std::string::npos);
    }
  }
}

ErrorCode failure_of(const Bytes& file, DecodeOptions options = {},
                     std::string* sentence = nullptr) {
  try {
    decode_picture(file, options);
  } catch (const Error& error) {
    if (sentence != nullptr) *sentence = error.what();
    return error.code();
  }
  ADD_FAILURE() << "was decoded";
  return ErrorCode::kInternal;
}

TEST_F(PictureFile, APngIsExactAndKeepsItsTexts) {
  for (const int channels : {3, 4}) {
    const auto image = gradient(37, 21, channels);
    const auto decoded = decode_picture(
        encoded(image, "png", {{"parameters", "x\nSteps: 1"}, {"atelier", "\xE2\x82\xAC"}}), {});
    EXPECT_EQ(decoded.format, "png");
    EXPECT_EQ(decoded.image.value().channels, channels);
    EXPECT_EQ(decoded.image->pixels, image.pixels);
    ASSERT_EQ(decoded.texts.size(), 2U);
    EXPECT_EQ(decoded.texts[0].value, "x\nSteps: 1");
    EXPECT_EQ(decoded.texts[1].value, "\xE2\x82\xAC");
  }
}

TEST_F(PictureFile, JpegAndWebpCarryTheirParameters) {
  const auto image = gradient(64, 48, 3);
  for (const char* format : {"jpeg", "webp"}) {
    const auto decoded =
        decode_picture(encoded(image, format, {{"parameters", "gr\xC3\xBCn\nSteps: 1"}}), {});
    EXPECT_EQ(decoded.format, format);
    EXPECT_EQ(decoded.width, 64);
    ASSERT_EQ(decoded.texts.size(), 1U) << format;
    EXPECT_EQ(decoded.texts[0].key, "parameters");
    EXPECT_EQ(decoded.texts[0].value, "gr\xC3\xBCn\nSteps: 1");
  }
}

TEST_F(PictureFile, EveryKindOfPixelBecomesRgb) {
  struct Case {
    const char* what;
    Bytes file;
    std::vector<int> pixel;
  };
  const Case cases[] = {
      {"grey",
       saved(solid({200}, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W), ".png"),
       {200, 200, 200}},
      {"grey with alpha",
       saved(solid({200, 90}, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W), ".png"),
       {200, 200, 200, 90}},
      {"16 bits",
       saved(solid({51400, 25700, 0}, VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_RGB16), ".png"),
       {200, 100, 0}},
      {"16 bits grey",
       saved(solid({51400}, VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_GREY16), ".png"),
       {200, 200, 200}},
      {"palette",
       saved(solid({255, 0, 0}, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB), ".gif"),
       {255, 0, 0}},
      {"tiff",
       saved(solid({10, 20, 30}, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB), ".tif"),
       {10, 20, 30}},
      {"white CMYK",
       saved(solid({0, 0, 0, 0}, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_CMYK), ".jpg"),
       {255, 255, 255}},
  };
  for (const auto& [what, file, pixel] : cases) {
    const auto decoded = decode_picture(file, {});
    ASSERT_TRUE(decoded.image) << what;
    EXPECT_GE(decoded.image->channels, static_cast<int>(pixel.size())) << what;
    EXPECT_EQ(decoded.image->byte_count(), decoded.image->pixels.size());
    for (std::size_t c = 0; c < pixel.size(); ++c) {
      EXPECT_NEAR(decoded.image->pixels[c], pixel[c], 1) << what << " channel " << c;
    }
  }
}

// The exact yellow depends on the colour profile.
TEST_F(PictureFile, CmykYellowIsYellow) {
  for (const char* suffix : {".tif", ".jpg"}) {
    const auto file =
        saved(solid({0, 0, 255, 0}, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_CMYK), suffix);
    const auto decoded = decode_picture(file, {});
    ASSERT_EQ(decoded.image.value().channels, 3) << suffix;
    EXPECT_GT(decoded.image->pixels[0], 230) << suffix;
    EXPECT_GT(decoded.image->pixels[1], 210) << suffix;
    EXPECT_LT(decoded.image->pixels[2], 60) << suffix;
  }
}

TEST_F(PictureFile, AnAvifIsRead) {
  VImage image = solid({255, 255, 255}, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB);
  const auto decoded = decode_picture(saved(image.resize(8), ".avif"), {});
  EXPECT_EQ(decoded.format, "heif");
  EXPECT_EQ(decoded.width, 128);
  EXPECT_GT(decoded.image.value().pixels.at(0), 250);
}

// Each way in which a camera turns: the red corner is where it was held.
TEST_F(PictureFile, ATurnedPhotographIsUpright) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    // Red is the top left quarter of the file's rows; the rest is blue.
    VImage image = VImage::black(32, 16)
                       .new_from_image(std::vector<double>{0, 0, 255})
                       .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB))
                       .copy_memory();
    image.draw_rect({255, 0, 0}, 0, 0, 16, 8, VImage::option()->set("fill", true));
    image.set(VIPS_META_ORIENTATION, orientation);
    const auto decoded = decode_picture(saved(image, ".jpg"), {});
    const bool swapped = orientation >= 5;
    EXPECT_EQ(decoded.width, swapped ? 16 : 32) << orientation;
    EXPECT_EQ(decoded.height, swapped ? 32 : 16) << orientation;
    const media::Image& upright = decoded.image.value();
    ASSERT_EQ(upright.width, decoded.width) << orientation;
    ASSERT_EQ(upright.height, decoded.height) << orientation;
    const bool right = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
    const bool below = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
    for (const bool at_right : {false, true}) {
      for (const bool at_bottom : {false, true}) {
        const int x = at_right ? upright.width - 3 : 2, y = at_bottom ? upright.height - 3 : 2;
        const int red = upright.pixels[static_cast<std::size_t>((y * upright.width + x) * 3)];
        EXPECT_EQ(red > 128, at_right == right && at_bottom == below)
            << orientation << " at " << x << "," << y;
      }
    }
  }
}

// Frames of 16x8 pixels, each redder than the one before.
Bytes animation(int frames, const char* suffix) {
  VImage all;
  for (int i = 0; i < frames; ++i) {
    const VImage frame = solid({20.0 * i, 0, 200}, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB);
    all = i == 0 ? frame : all.join(frame, VIPS_DIRECTION_VERTICAL);
  }
  all = all.copy_memory();
  all.set("page-height", 8);
  return saved(all, suffix);
}

std::vector<int> numbers_of(const DecodedPicture& decoded) {
  std::vector<int> numbers;
  for (const auto& frame : decoded.later_frames) numbers.push_back(frame.number);
  return numbers;
}

TEST_F(PictureFile, OfAnAnimationSeveralFramesAreRead) {
  for (const char* suffix : {".gif", ".webp[lossless]"}) {
    const auto file = animation(11, suffix);
    const auto decoded = decode_picture(file, {.matte = media::kWhite, .frames_max = 3});
    EXPECT_EQ(numbers_of(decoded), (std::vector<int>{5, 10})) << suffix;
    EXPECT_EQ(decoded.frames_total, 11) << suffix;
    EXPECT_EQ(decoded.later_frames.back().total, 11) << suffix;
    for (const auto& frame : decoded.later_frames) {
      EXPECT_EQ(frame.image.height, 8) << suffix;
      ASSERT_EQ(frame.image.channels, 3) << suffix;
      EXPECT_NEAR(frame.image.pixels[0], 20 * frame.number, 3) << suffix;
    }
    EXPECT_NEAR(decoded.image.value().pixels[0], 0, 3);
    // All of them, where there are fewer.
    EXPECT_EQ(numbers_of(decode_picture(file, {.frames_max = 40})).size(), 10U) << suffix;
    // Together no more pixels than one picture may have.
    const auto few = decode_picture(file, {.max_pixels = 2 * 16 * 8, .frames_max = 40});
    EXPECT_EQ(numbers_of(few), (std::vector<int>{10})) << suffix;
    EXPECT_TRUE(decode_picture(file, {}).later_frames.empty());
    EXPECT_EQ(decode_picture(file, {}).frames_total, 11);
    EXPECT_TRUE(decode_picture(file, {.header_only = true, .frames_max = 4}).later_frames.empty());
  }
  const auto still = decode_picture(encoded(gradient(9, 7, 3), "png"), {.frames_max = 4});
  EXPECT_TRUE(still.later_frames.empty());
  EXPECT_EQ(still.frames_total, 1);
}

TEST_F(PictureFile, OfAnAnimationThatEndsEarlyTheCompleteFramesAreReadOrNone) {
  auto gif = animation(11, ".gif");
  gif.resize(gif.size() / 2);
  const auto numbers = numbers_of(decode_picture(gif, {.frames_max = 40}));
  ASSERT_FALSE(numbers.empty());
  EXPECT_LT(numbers.back(), 8);
  auto webp = animation(11, ".webp[lossless]");
  webp.resize(webp.size() / 2);
  EXPECT_EQ(failure_of(webp, {.frames_max = 3}), ErrorCode::kCorruptData);
}

TEST_F(PictureFile, OfAnAnimationTheFirstPictureCounts) {
  for (const char* suffix : {".gif", ".webp[lossless]"}) {
    const VImage red = solid({255, 0, 0}, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB);
    const VImage blue = solid({0, 0, 255}, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB);
    VImage both = red.join(blue, VIPS_DIRECTION_VERTICAL).copy_memory();
    both.set("page-height", 8);
    const auto decoded = decode_picture(saved(both, suffix), {});
    EXPECT_EQ(decoded.height, 8) << suffix;
    EXPECT_EQ(decoded.image.value().height, 8) << suffix;
    EXPECT_GT(decoded.image->pixels[0], 250) << suffix;
    EXPECT_LT(decoded.image->pixels[2], 5) << suffix;
  }
}

// A palette of two colours, the second one as transparent as `alpha` says; the left half is the
// first, the right half the second.
Bytes palette_png(std::uint8_t alpha) {
  Bytes file{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  const auto put = [&](std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      file.push_back(static_cast<std::uint8_t>(value >> static_cast<unsigned>(shift)));
    }
  };
  const auto chunk = [&](const char* type, const Bytes& data) {
    put(static_cast<std::uint32_t>(data.size()));
    const std::size_t begin = file.size();
    file.insert(file.end(), type, type + 4);
    file.insert(file.end(), data.begin(), data.end());
    put(static_cast<std::uint32_t>(
        ::crc32(0, file.data() + begin, static_cast<uInt>(file.size() - begin))));
  };
  Bytes rows;
  for (int y = 0; y < 8; ++y) rows.insert(rows.end(), {0, 0, 0, 0, 0, 1, 1, 1, 1});
  uLongf size = ::compressBound(static_cast<uLong>(rows.size()));
  Bytes packed(size);
  ::compress(packed.data(), &size, rows.data(), static_cast<uLong>(rows.size()));
  packed.resize(size);
  chunk("IHDR", {0, 0, 0, 8, 0, 0, 0, 8, 8, 3, 0, 0, 0});
  chunk("PLTE", {10, 20, 30, 255, 0, 0});
  chunk("tRNS", {255, alpha});
  chunk("IDAT", packed);
  chunk("IEND", {});
  return file;
}

// On green, every kind of file: what is transparent is green whatever colour hides there, what is
// half transparent is half green, and nothing else changes.
TEST_F(PictureFile, TransparentPartsLieOnTheMatteInEveryFormat) {
  const media::Colour green{0, 255, 0};
  const auto rgba = [](double alpha) {
    return solid({200, 0, 0, alpha}, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB);
  };
  const auto deep = [](double alpha) {
    return solid({51400, 0, 0, alpha}, VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_RGB16);
  };
  const auto grey = [](double alpha) {
    return solid({200, alpha}, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W);
  };
  struct Case {
    const char* what;
    Bytes file;
    std::vector<int> pixel;  // the last one
    int tolerance = 1;
  };
  const Case cases[] = {
      {"png", saved(rgba(0), ".png"), {0, 255, 0}},
      {"png, half", saved(rgba(128), ".png"), {100, 127, 0}},
      {"png, opaque", saved(rgba(255), ".png"), {200, 0, 0}},
      {"16 bits", saved(deep(0), ".png"), {0, 255, 0}},
      {"16 bits, half", saved(deep(32896), ".png"), {100, 127, 0}},
      {"16 bits, opaque", saved(deep(65535), ".png"), {200, 0, 0}},
      {"grey", saved(grey(0), ".png"), {0, 255, 0}},
      {"grey, half", saved(grey(128), ".png"), {100, 227, 100}},
      {"palette", palette_png(0), {0, 255, 0}},
      {"palette, half", palette_png(128), {128, 127, 0}},
      {"gif", saved(rgba(0), ".gif"), {0, 255, 0}},
      {"tiff", saved(rgba(0), ".tif"), {0, 255, 0}},
      {"webp", saved(rgba(0), ".webp[lossless]"), {0, 255, 0}},
      {"webp, half", saved(rgba(128), ".webp[lossless]"), {100, 127, 0}},
      {"avif", saved(rgba(0).resize(8), ".avif"), {0, 255, 0}, 3},
  };
  for (const auto& [what, file, pixel, tolerance] : cases) {
    const auto decoded = decode_picture(file, {.matte = green});
    ASSERT_EQ(decoded.image.value().channels, 3) << what;
    const auto& pixels = decoded.image->pixels;
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_NEAR(pixels[pixels.size() - 3 + c], pixel[c], tolerance) << what << " channel " << c;
    }
    const auto small = decode_picture(file, {.max_side = 4, .matte = green});
    const auto& fewer = small.image.value().pixels;
    EXPECT_NEAR(fewer[fewer.size() - 3], pixel[0], tolerance + 1) << what << ", shrunk";
  }
}

TEST_F(PictureFile, WithoutAMatteTransparencyIsKept) {
  const auto decoded = decode_picture(palette_png(77), {});
  ASSERT_EQ(decoded.image.value().channels, 4);
  EXPECT_EQ(decoded.image->pixels[3], 255);
  EXPECT_EQ(decoded.image->pixels.back(), 77);
}

TEST_F(PictureFile, AMatteChangesNothingWithoutTransparency) {
  const auto image = gradient(20, 10, 3);
  EXPECT_EQ(decode_picture(encoded(image, "png"), {.matte = media::kBlack}).image.value().pixels,
            image.pixels);
}

TEST_F(PictureFile, AThumbnailKeepsTheShapeAndNeverGrows) {
  const auto file = encoded(gradient(200, 100, 3), "png");
  const auto small = decode_picture(file, {.max_side = 50});
  EXPECT_EQ(small.image.value().width, 50);
  EXPECT_EQ(small.image->height, 25);
  EXPECT_EQ(small.width, 200);
  EXPECT_EQ(decode_picture(file, {.max_side = 500}).image.value().width, 200);
}

TEST_F(PictureFile, TheHeaderAloneHasNoPixels) {
  const auto decoded = decode_picture(encoded(gradient(30, 20, 3), "png", {{"parameters", "x"}}),
                                      {.header_only = true});
  EXPECT_FALSE(decoded.image);
  EXPECT_EQ(decoded.width, 30);
  EXPECT_EQ(decoded.texts.size(), 1U);
}

// IHDR and one short IDAT: 40,000 x 40,000 pixels are claimed by a few bytes.
Bytes huge_png() {
  Bytes file = encoded(gradient(8, 8, 3), "png");
  const auto put = [&](std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) {
      file[at + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
    }
  };
  put(16, 40'000);
  put(20, 40'000);
  put(29, static_cast<std::uint32_t>(::crc32(0, file.data() + 12, 17)));
  return file;
}

TEST_F(PictureFile, AHugeOneIsRefusedByItsHeaderWithItsSize) {
  std::string sentence;
  EXPECT_EQ(failure_of(huge_png(), {}, &sentence), ErrorCode::kTooLarge);
  EXPECT_NE(sentence.find("40000x40000"), std::string::npos) << sentence;
  EXPECT_EQ(failure_of(encoded(gradient(30, 30, 3), "png"), {.max_pixels = 899}),
            ErrorCode::kTooLarge);
  EXPECT_NO_THROW(decode_picture(encoded(gradient(30, 30, 3), "png"), {.max_pixels = 900}));
}

TEST_F(PictureFile, TruncatedOnesAreRefused) {
  media::Image noise = gradient(128, 128, 3);  // incompressible, so that every part matters
  for (std::size_t i = 0; i < noise.pixels.size(); ++i) {
    noise.pixels[i] = static_cast<std::uint8_t>(
        std::lround(127 + 127 * std::sin(static_cast<double>(i) * 12.9898)));
  }
  for (const char* format : {"png", "jpeg", "webp"}) {
    const Bytes whole = encoded(noise, format);
    for (const double part : {0.1, 0.5, 0.9}) {
      const auto size = static_cast<std::ptrdiff_t>(static_cast<double>(whole.size()) * part);
      EXPECT_EQ(failure_of({whole.begin(), whole.begin() + size}), ErrorCode::kCorruptData)
          << format << " " << part;
    }
  }
}

TEST_F(PictureFile, WhatIsNoPictureIsRefused) {
  const std::string svg = "<svg xmlns='http://www.w3.org/2000/svg' width='10' height='10'/>";
  EXPECT_EQ(failure_of({}), ErrorCode::kCorruptData);
  EXPECT_EQ(failure_of({'h', 'e', 'l', 'l', 'o'}), ErrorCode::kCorruptData);
  EXPECT_EQ(failure_of({svg.begin(), svg.end()}), ErrorCode::kCorruptData);
}

// Other loaders of the installed libvips are never called.
TEST_F(PictureFile, AnotherFormatIsNamedAndNotOpened) {
  for (const auto& [text, met] :
       {std::pair{std::string{"%PDF-1.4\n%%EOF"}, "this is a PDF document, not a picture"},
        {std::string{"<svg xmlns='http://www.w3.org/2000/svg'/>"}, "this is SVG, not a picture"},
        {std::string{"P6\n1 1\n255\nabc"}, "not a picture that can be read"},
        {std::string{"#?RADIANCE\n"}, "this is a Radiance HDR file, not a picture"}}) {
    const Bytes file{text.begin(), text.end()};
    try {
      decode_picture(file, {});
      ADD_FAILURE() << text << " was opened";
    } catch (const Error& error) {
      EXPECT_NE(std::string{error.what()}.find(met), std::string::npos) << error.what();
    }
  }
}

TEST_F(PictureFile, ScrambledOnesNeverDoWorseThanAnError) {
  for (const char* format : {"png", "jpeg", "webp"}) {
    const Bytes whole = encoded(gradient(40, 40, 3), format);
    std::uint32_t random = 1;
    for (int round = 0; round < 200; ++round) {
      Bytes broken = whole;
      for (int i = 0; i < 4; ++i) {
        random = random * 1664525U + 1013904223U;
        broken[(random >> 8U) % broken.size()] = static_cast<std::uint8_t>(random);
      }
      try {
        decode_picture(broken, {.max_pixels = 1'000'000});
      } catch (const Error& error) {
        EXPECT_TRUE(error.code() == ErrorCode::kCorruptData ||
                    error.code() == ErrorCode::kTooLarge);
      }
    }
  }
}

TEST_F(PictureFile, AnUnknownFormatOrALyingPictureIsNotEncoded) {
  EXPECT_THROW(encoded(gradient(8, 8, 3), "bmp"), Error);
  media::Image lying = gradient(8, 8, 3);
  lying.width = 9;
  EXPECT_THROW(encoded(lying, "png"), Error);
}

}  // namespace
}  // namespace atelier::codec
