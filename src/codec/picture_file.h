// Picture files to plain pictures and back, with libvips. Only atelier-media links this: the bytes
// are untrusted. Called from one thread. Failures: kTooLarge (more pixels than allowed, known from
// the header before anything is decoded), kCorruptData (truncated, broken, or no picture),
// kInvalidArgument (an unknown format to encode).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "codec/texts.h"
#include "media/image/colour.h"
#include "media/image/frame.h"
#include "media/image/image.h"

namespace atelier::codec {

// Once, before anything else and before the sandbox closes: loads what libvips needs from files.
// Throws kInternal.
void start_codecs(const char* program);

struct DecodeOptions {
  std::int64_t max_pixels = 64'000'000;
  int max_side = 0;                         // > 0: shrunk to fit, keeping its shape
  bool header_only = false;                 // no pixels
  std::optional<media::Colour> matte = {};  // behind transparent parts; absent: they are kept
  // Of an animated picture: that many at most, evenly spread from the first one on; fewer where
  // they have more than `max_pixels` together. Not together with `max_side`.
  int frames_max = 1;
};

struct DecodedPicture {
  std::optional<media::Image>
      image;  // RGB, or RGBA without a matte; turned upright; the first one of an animation
  std::vector<media::Frame> later_frames;  // of an animated picture, in their order
  int frames_total = 1;                    // of the file; 1 where it is not animated (GIF, WebP)
  std::string format;                      // "png", "jpeg", "webp", "gif", "tiff", "heif"
  int width = 0, height = 0;               // upright, before shrinking
  std::vector<TextEntry> texts;
};

DecodedPicture decode_picture(std::span<const std::uint8_t> file, const DecodeOptions& options);

struct EncodeOptions {
  std::string format = "png";    // "png", "jpeg", "webp"
  int quality = 90;              // 1..100, jpeg and webp
  int compression = 6;           // 0..9, png
  std::vector<TextEntry> texts;  // png: all; jpeg and webp: "parameters", as EXIF UserComment
};

std::vector<std::uint8_t> encode_picture(const media::Image& image, const EncodeOptions& options);
std::string media_type_of(const std::string& format);  // "image/png"

}  // namespace atelier::codec
